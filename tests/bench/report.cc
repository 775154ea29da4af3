// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/bench/report.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::bench {

namespace {

Latency better(const Latency& one, const Latency& other) {
    if (one.p50_us == 0) return other;
    if (other.p50_us == 0) return one;
    return one.p50_us <= other.p50_us ? one : other;
}

double better_time(double one, double other) {
    if (one == 0) return other;
    return other == 0 ? one : std::min(one, other);
}

std::string limits_beside(const Probes& probes) {
    return fmt::format(
            "; raw_sync p50 {:.0f} us idle, {:.0f} busy; raw_commit {:.0f} batches/s idle, "
            "{:.0f} busy",
            probes.sync_idle.p50_us,
            probes.sync_busy.p50_us,
            probes.commit_idle,
            probes.commit_busy);
}

}  // namespace

std::string bound_of(const Row& row) {
    return fmt::format("{} {:.4g} ({})", row.at_most ? "<=" : ">=", row.bound, row.bound_text);
}

std::string limits_line(const Probes& probes) {
    return fmt::format(
            "raw_write {:.0f} MB/s, raw_read {:.0f} MB/s, raw_sync p50/p99 {:.0f}/{:.0f} us idle "
            "and {:.0f}/{:.0f} us with busy cores, raw_commit {:.0f} batches/s idle and {:.0f} "
            "with busy cores, raw_tcp {:.0f} MB/s, raw_rtt {:.1f} us",
            probes.write / 1e6,
            probes.read / 1e6,
            probes.sync_idle.p50_us,
            probes.sync_idle.p99_us,
            probes.sync_busy.p50_us,
            probes.sync_busy.p99_us,
            probes.commit_idle,
            probes.commit_busy,
            probes.tcp / 1e6,
            probes.rtt_us);
}

void Probes::merge(const Probes& other) {
    write = std::max(write, other.write);
    read = std::max(read, other.read);
    sync_idle = better(sync_idle, other.sync_idle);
    sync_busy = better(sync_busy, other.sync_busy);
    commit_idle = std::max(commit_idle, other.commit_idle);
    commit_busy = std::max(commit_busy, other.commit_busy);
    tcp = std::max(tcp, other.tcp);
    rtt_us = better_time(rtt_us, other.rtt_us);
}

Probes measure_probes(const ProbeOptions& options) {
    return {.write = raw_write(options),
            .read = raw_read(options),
            .sync_idle = raw_sync(options, false),
            .sync_busy = raw_sync(options, true),
            .commit_idle = raw_commit(options, false),
            .commit_busy = raw_commit(options, true),
            .tcp = raw_tcp(options),
            .rtt_us = raw_rtt(options)};
}

void Report::finish() {
    for (auto& row : rows) {
        row.bound = row.limit(probes);
        if (row.durable) row.note += limits_beside(probes);
    }
}

std::string to_table(const Report& report) {
    auto text = limits_line(report.probes) + "\n\n";
    for (const auto& row : report.rows) {
        text += fmt::format("{:<16} {:>12.4g} {:<10} {:<7} {}\n{:<16} {}\n",
                            row.id,
                            row.value,
                            row.unit,
                            row.holds() ? "holds" : "MISSED",
                            bound_of(row),
                            "",
                            row.note);
    }
    return text;
}

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace millrace::bench
