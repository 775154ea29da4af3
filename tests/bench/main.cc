// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace-bench: measures the limits of the machine, then Millrace, then the limits again.
#include "tests/bench/bench.h"
#include "tests/bench/benchmark_page.h"
#include "tests/bench/outside_tools.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace millrace::bench {

namespace {

class BenchFailure : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Benchmark {
    std::vector<std::string> ids;
    Measure measure;
};

const std::vector<Benchmark> kBenchmarks = {
        {{"engine-commit"}, measure_engine_commit},
        {{"broker-commit"}, measure_broker_commit},
        {{"broker-latency"}, measure_broker_latency},
        {{"e2e-memory", "e2e-synced"}, measure_end_to_end},
        {{"produce-large", "cpu-produce"}, measure_produce_large},
        {{"tail", "cpu-tail"}, measure_tail},
        {{"create", "idle-partition"}, measure_create},
        {{"open"}, measure_open},
        {{"start", "idle-rss", "idle-rss-after-load", "idle-cpu", "idle-wakeups", "idle-disk"},
         measure_start},
        {{"threads"}, measure_threads},
        {{"unbatched", "unbatched-cpu"}, measure_unbatched},
        {{"small-messages"}, measure_small_messages},
        {{"sizes"}, measure_sizes},
        {{"fan-out", "fan-out-disk"}, measure_fan_out},
        {{"connections", "connection-memory"}, measure_connections},
        {{"metrics", "metrics-p99"}, measure_metrics},
        {{"compaction", "compaction-zstd"}, measure_compaction},
        {{"peers"}, measure_peers},
};

struct Arguments {
    BenchOptions options;
    std::vector<std::string> only;
    std::string json;
    std::string commit;
    std::filesystem::path markdown;
    std::filesystem::path programs;
    bool check_probes = false;
};

bool wanted(const Benchmark& benchmark, const std::vector<std::string>& only) {
    return only.empty() || std::ranges::any_of(benchmark.ids, [&](const std::string& id) {
               return std::ranges::find(only, id) != only.end();
           });
}

struct Outcome {
    Report report;
    std::vector<std::string> failed;  // Ids that have no figure.
};

Outcome run(const Arguments& arguments) {
    const ProbeOptions probe_options{.directory = arguments.options.directory};
    Outcome outcome;
    auto& report = outcome.report;
    report.commit = arguments.commit;
    fmt::print(stderr, "limits of the machine\n");
    report.probes = measure_probes(probe_options);
    for (const auto& benchmark : kBenchmarks) {
        if (!wanted(benchmark, arguments.only)) continue;
        fmt::print(stderr, "{}\n", benchmark.ids.front());
        try {
            for (auto& row : benchmark.measure(arguments.options))
                report.rows.push_back(std::move(row));
        } catch (const std::runtime_error& error) {
            fmt::print(stderr, "{} failed: {}\n", benchmark.ids.front(), error.what());
            outcome.failed.push_back(benchmark.ids.front());
        }
    }
    fmt::print(stderr, "limits of the machine again\n");
    report.probes.merge(measure_probes(probe_options));
    report.finish();
    return outcome;
}

void write_file(const std::filesystem::path& path, const std::string& text) {
    std::ofstream file(path);
    file << text;
    if (!file.flush()) bench_failed("writing " + path.string() + " failed");
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// The page, and beside it, as JSON, the runs that it is made of.
void renew_page(const std::filesystem::path& markdown, Report report, std::string probe_check) {
    const auto record = std::filesystem::path(markdown).replace_extension(".json");
    BenchmarkPage page;
    if (std::filesystem::exists(record)) page = page_from_json(read_file(record));
    page.renew(std::move(report));
    page.probe_check = std::move(probe_check);
    write_file(record, page_to_json(page));
    write_file(markdown, page_to_markdown(page));
}

int main_of(int argc, char** argv) {
    Arguments arguments;
    arguments.options.directory = "/var/tmp/millrace-bench";
    CLI::App app("Millrace beside the limits of the machine", "tools/dev bench");
    app.add_option("--only", arguments.only, "Rows to measure");
    app.add_option("--json", arguments.json, "Write the report as JSON");
    app.add_option("--markdown", arguments.markdown, "Renew this page, and its .json");
    app.add_option("--commit", arguments.commit, "What is measured");
    app.add_option("--programs", arguments.programs, "Build folder of the programs")->required();
    app.add_option("--directory", arguments.options.directory, "For data, on the disk to measure");
    app.add_option("--seconds", arguments.options.seconds, "Of a throughput run, at least");
    app.add_option("--dirty-bounds", arguments.options.dirty_bounds, "Written in a run, at least");
    app.add_option("--repeats", arguments.options.repeats, "A figure is the median of these");
    app.add_option("--idle-seconds", arguments.options.idle_seconds, "An idle broker is watched");
    app.add_flag("--check-probes", arguments.check_probes, "Probes beside fio and iperf3");
    CLI11_PARSE(app, argc, argv);
    setenv("MILLRACE_TEST_MILLRACED", (arguments.programs / "broker/millraced").c_str(), 1);
    setenv("MILLRACE_TEST_MILLRACE", (arguments.programs / "tools/millrace/millrace").c_str(), 1);
    std::filesystem::create_directories(arguments.options.directory);
    if (arguments.check_probes) {
        fmt::print("{}", probes_beside_outside_tools({.directory = arguments.options.directory}));
        return 0;
    }
    const auto [report, failed] = run(arguments);
    fmt::print("{}", to_table(report));
    for (const auto& id : failed)
        fmt::print("{:<16} failed: no figure\n", id);
    if (!arguments.json.empty()) write_file(arguments.json, to_json(report));
    if (!arguments.markdown.empty()) {
        renew_page(arguments.markdown,
                   report,
                   probes_beside_outside_tools({.directory = arguments.options.directory}));
    }
    std::filesystem::remove_all(arguments.options.directory);
    return failed.empty() ? 0 : 1;
}

}  // namespace

void bench_failed(const std::string& what) {
    throw BenchFailure(what);
}

}  // namespace millrace::bench

int main(int argc, char** argv) {
    try {
        return millrace::bench::main_of(argc, argv);
    } catch (const std::runtime_error& error) {
        fmt::print(stderr, "millrace-bench: {}\n", error.what());
        return 1;
    }
}
