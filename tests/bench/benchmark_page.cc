// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/bench/benchmark_page.h"

#include "tests/bench/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace millrace::bench {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::pair<const char*, double Probes::*> kRates[] = {
        {"raw_write", &Probes::write},
        {"raw_read", &Probes::read},
        {"raw_commit", &Probes::commit_idle},
        {"raw_commit_busy", &Probes::commit_busy},
        {"raw_tcp", &Probes::tcp},
        {"raw_rtt_us", &Probes::rtt_us},
};

constexpr std::pair<const char*, Latency Probes::*> kLatencies[] = {
        {"raw_sync", &Probes::sync_idle},
        {"raw_sync_busy", &Probes::sync_busy},
};

Json json_of(const Probes& probes) {
    Json json;
    for (const auto& [name, member] : kRates)
        json[name] = probes.*member;
    for (const auto& [name, member] : kLatencies) {
        json[std::string(name) + "_p50_us"] = (probes.*member).p50_us;
        json[std::string(name) + "_p99_us"] = (probes.*member).p99_us;
    }
    return json;
}

Probes probes_from(const Json& json) {
    Probes probes;
    for (const auto& [name, member] : kRates)
        probes.*member = json.at(name);
    for (const auto& [name, member] : kLatencies) {
        (probes.*member).p50_us = json.at(std::string(name) + "_p50_us");
        (probes.*member).p99_us = json.at(std::string(name) + "_p99_us");
    }
    return probes;
}

Json json_of(const Row& row) {
    return {{"id", row.id},
            {"value", row.value},
            {"unit", row.unit},
            {"bound", row.bound},
            {"holds", row.holds()},
            {"at_most", row.at_most},
            {"bound_text", row.bound_text},
            {"note", row.note},
            {"obstacle", row.obstacle}};
}

Row row_from(const Json& json) {
    return {.id = json.at("id"),
            .value = json.at("value"),
            .unit = json.at("unit"),
            .at_most = json.at("at_most"),
            .bound_text = json.at("bound_text"),
            .bound = json.at("bound"),
            .note = json.at("note"),
            .obstacle = json.at("obstacle")};
}

Json json_of(const Report& report) {
    Json rows = Json::array();
    for (const auto& row : report.rows)
        rows.push_back(json_of(row));
    return {{"commit", report.commit}, {"probes", json_of(report.probes)}, {"rows", rows}};
}

Report report_from(const Json& json) {
    Report report{
            .commit = json.at("commit"), .probes = probes_from(json.at("probes")), .rows = {}};
    for (const auto& row : json.at("rows"))
        report.rows.push_back(row_from(row));
    return report;
}

std::string table_of(const Report& run) {
    auto text = fmt::format(
            "\n## At commit {}\n\n{}.\n\n| id | value | bound | holds | notes |\n"
            "|---|---|---|---|---|\n",
            run.commit,
            limits_line(run.probes));
    for (const auto& row : run.rows) {
        text += fmt::format("| {} | {:.4g} {} | {} | {} | {} |\n",
                            row.id,
                            row.value,
                            row.unit,
                            bound_of(row),
                            row.holds() ? "yes" : "**missed**",
                            row.note);
    }
    return text;
}

// Empty when no row is missed.
std::string obstacles_of(const std::vector<Report>& runs) {
    std::string text;
    for (const auto& run : runs) {
        for (const auto& row : run.rows) {
            if (!row.holds()) text += fmt::format("* **{}**: {}\n", row.id, row.obstacle);
        }
    }
    return text.empty() ? text : "\n## What stands between the code and the limit\n\n" + text;
}

}  // namespace

void BenchmarkPage::renew(Report run) {
    for (auto& earlier : runs) {
        std::erase_if(earlier.rows, [&run](const Row& row) {
            return std::ranges::find(run.rows, row.id, &Row::id) != run.rows.end();
        });
    }
    std::erase_if(runs, [](const Report& earlier) { return earlier.rows.empty(); });
    if (!run.rows.empty()) runs.push_back(std::move(run));
}

std::string to_json(const Report& report) {
    return json_of(report).dump(2) + "\n";
}

BenchmarkPage page_from_json(std::string_view text) {
    BenchmarkPage page;
    try {
        const auto json = Json::parse(text);
        page.probe_check = json.at("probe_check");
        for (const auto& run : json.at("runs"))
            page.runs.push_back(report_from(run));
    } catch (const Json::exception& error) {
        bench_failed(fmt::format("the record of earlier runs cannot be read: {}", error.what()));
    }
    return page;
}

std::string page_to_json(const BenchmarkPage& page) {
    Json runs = Json::array();
    for (const auto& run : page.runs)
        runs.push_back(json_of(run));
    return Json{{"runs", runs}, {"probe_check", page.probe_check}}.dump(2) + "\n";
}

std::string page_to_markdown(const BenchmarkPage& page) {
    std::string text =
            "# Benchmarks\n\nWritten by `tools/dev bench --write`. Times vary with the machine; "
            "every "
            "figure is the median of its repeats and stands beside what the machine itself could "
            "do "
            "in the same run.\n";
    for (const auto& run : page.runs)
        text += table_of(run);
    text += obstacles_of(page.runs);
    if (!page.probe_check.empty())
        text += "\n## The probes beside other programs\n\n" + page.probe_check;
    return text;
}

}  // namespace millrace::bench
