// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/bench_report.h"

#include "tools/millrace/quantity.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

namespace millrace::cli {

namespace {

struct Quantile {
    double share;
    const char* name;
    const char* field;
};

constexpr std::array<Quantile, 6> kQuantiles{{{0.5, "p50", "p50_us"},
                                              {0.9, "p90", "p90_us"},
                                              {0.99, "p99", "p99_us"},
                                              {0.999, "p99.9", "p999_us"},
                                              {0.9999, "p99.99", "p9999_us"},
                                              {1, "max", "max_us"}}};

double per_second(std::uint64_t amount, const BenchFigures& figures) {
    return figures.seconds > 0 ? static_cast<double>(amount) / figures.seconds : 0;
}

std::string json_of(const BenchFigures& figures) {
    nlohmann::ordered_json json{{"what", figures.what},
                                {"durability", figures.durability},
                                {"records", figures.records},
                                {"bytes", figures.bytes},
                                {"seconds", figures.seconds},
                                {"records_per_second", per_second(figures.records, figures)},
                                {"bytes_per_second", per_second(figures.bytes, figures)}};
    if (figures.latencies != nullptr) {
        for (const auto& quantile : kQuantiles)
            json[quantile.field] = figures.latencies->quantile_us(quantile.share);
    }
    return json.dump() + "\n";
}

std::string text_of(const BenchFigures& figures) {
    auto text = fmt::format(
            "{}: {} records, {} in {:.2f} s: {} records/s, {:.1f} MB/s (durability {})\n",
            figures.what,
            count_text(figures.records),
            size_text(figures.bytes),
            figures.seconds,
            count_text(static_cast<std::uint64_t>(per_second(figures.records, figures))),
            per_second(figures.bytes, figures) / 1e6,
            figures.durability);
    if (figures.latencies == nullptr) return text;
    text += "latency:";
    for (const auto& quantile : kQuantiles) {
        text += fmt::format(
                " {} {:.0f} us,", quantile.name, figures.latencies->quantile_us(quantile.share));
    }
    text += fmt::format(" {} (durability {})\n", figures.latency_of, figures.durability);
    return text;
}

}  // namespace

Result<std::string> durability_of(Admin& admin, const std::string& topic, Acks acks) {
    if (acks == Acks::none) return std::string("none");
    const auto entries = admin.topic_config(topic, {"durability"});
    if (!entries) return entries.error();
    return entries->empty() ? std::string("unknown") : entries->front().value;
}

std::string bench_report(const Session& session, const BenchFigures& figures) {
    return session.scripted() ? json_of(figures) : text_of(figures);
}

}  // namespace millrace::cli
