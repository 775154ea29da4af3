// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The benchmarks: each measures the product as its users run it, verifies what it stored, and
// gives rows for the report.
#pragma once

#include "tests/bench/report.h"

#include <filesystem>
#include <string>
#include <vector>

namespace millrace::bench {

struct BenchOptions {
    std::filesystem::path directory;  // For data, on the disk under test.
    double seconds = 30;              // A throughput run lasts at least this long ...
    double dirty_bounds = 10;         // ... and until so many times the dirty bound is written.
    int repeats = 5;                  // A figure is the median of so many runs.
    double idle_seconds = 60;         // How long an idle broker is watched.
};

using Measure = std::vector<Row> (*)(const BenchOptions& options);

std::vector<Row> measure_engine_commit(const BenchOptions& options);
std::vector<Row> measure_broker_commit(const BenchOptions& options);
std::vector<Row> measure_broker_latency(const BenchOptions& options);
std::vector<Row> measure_end_to_end(const BenchOptions& options);
std::vector<Row> measure_produce_large(const BenchOptions& options);
std::vector<Row> measure_tail(const BenchOptions& options);
std::vector<Row> measure_create(const BenchOptions& options);
std::vector<Row> measure_open(const BenchOptions& options);
std::vector<Row> measure_start(const BenchOptions& options);
std::vector<Row> measure_threads(const BenchOptions& options);
std::vector<Row> measure_unbatched(const BenchOptions& options);
std::vector<Row> measure_small_messages(const BenchOptions& options);
std::vector<Row> measure_sizes(const BenchOptions& options);
std::vector<Row> measure_fan_out(const BenchOptions& options);
std::vector<Row> measure_connections(const BenchOptions& options);
std::vector<Row> measure_metrics(const BenchOptions& options);
std::vector<Row> measure_compaction(const BenchOptions& options);
std::vector<Row> measure_peers(const BenchOptions& options);

struct LargeRun {
    double bytes_per_second = 0;
    double cpu_per_gigabyte = 0;  // Seconds of the broker.
    std::string counts;           // What the broker's shards did.
};

// One run of produce-large over the storage backend `io`.
LargeRun produce_large_once(const BenchOptions& options, const std::string& io);

// Ends the benchmark: one that cannot run, or whose data are wrong, has no figure. Others go on.
[[noreturn]] void bench_failed(const std::string& what);

}  // namespace millrace::bench
