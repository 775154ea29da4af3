// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/bench/bench.h"
#include "tests/bench/commit_load.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::bench {

namespace {

constexpr std::uint64_t kWalBytes = 256ULL << 20;
const std::vector<std::string> kSettings = {"wal.bytes=\"256MiB\"", "node.shards=1"};

void create_topic(BenchBroker& broker) {
    broker.create("commit", kCommitPartitions, {{"segment.bytes", "16777216"}});  // For rolls.
}

CommitRun closed_loop_on_fresh_broker(const BenchOptions& options, const std::string& io) {
    auto settings = kSettings;
    settings.push_back("engine.io=" + io);
    BenchBroker broker(options, settings);
    create_topic(broker);
    const auto batches = static_cast<std::uint64_t>(options.dirty_bounds * kWalBytes) / 1024;
    auto run = run_closed_loop(broker, options.seconds, batches);
    verify_commits(broker, run.batches);
    run.counts = broker.stop();
    return run;
}

}  // namespace

std::vector<Row> measure_broker_commit(const BenchOptions& options) {
    std::vector<double> rates;
    CommitRun last;
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        last = closed_loop_on_fresh_broker(options, "auto");
        rates.push_back(last.batches_per_second);
    }
    return {{.id = "broker-commit",
             .value = median(rates),
             .unit = "batches/s",
             .bound_text = "0.2 raw_commit, busy cores",
             .limit = [](const Probes& probes) { return 0.2 * probes.commit_busy; },
             .note = fmt::format("synced; 1 KB batches, 256 partitions, 1,024 outstanding, one "
                                 "shard; {:.1f} batches a request; last run: {}",
                                 last.batches_per_request,
                                 last.counts),
             .durable = true,
             .obstacle = "client and broker share two cores with the flush of the device; beyond "
                         "them what is said of engine-commit"}};
}

std::vector<Row> measure_broker_latency(const BenchOptions& options) {
    std::vector<double> p99;
    std::vector<double> p50;
    double requests = 0;
    double rate = 0;
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        BenchBroker broker(options, kSettings);
        broker.create("commit", kCommitPartitions, {});  // Segments as they are by default.
        // Every broker has written over its whole log once: files of a log are slower to fill for
        // the first time.
        const auto warm = run_closed_loop(broker, options.seconds / 5, 2 * kWalBytes / 1024);
        if (rate == 0) rate = warm.batches_per_second / 2;
        const auto run = run_open_loop(broker, options.seconds, rate);
        p50.push_back(run.latency.p50_us);
        p99.push_back(run.latency.p99_us);
        requests = run.batches_per_request;
    }
    return {{.id = "broker-latency",
             .value = median(p99),
             .unit = "us p99",
             .at_most = true,
             .bound_text = "8 raw_sync p99, busy cores",
             .limit = [](const Probes& probes) { return 8 * probes.sync_busy.p99_us; },
             .note = fmt::format("synced; open loop at {:.0f} batches/s; p50 {:.0f} us; {:.1f} "
                                 "batches a request",
                                 rate,
                                 median(p50),
                                 requests),
             .durable = true,
             .obstacle = "an open loop sends smaller requests than the closed loop, which puts "
                         "256 batches into one: load, client, broker and flush thread together "
                         "want more than two cores, and what is not taken queues"}};
}

std::vector<Row> measure_threads(const BenchOptions& options) {
    std::vector<double> commit;
    std::vector<double> large;
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        const auto ring = closed_loop_on_fresh_broker(options, "uring").batches_per_second;
        commit.push_back(closed_loop_on_fresh_broker(options, "threads").batches_per_second / ring);
        const auto ring_large = produce_large_once(options, "uring").bytes_per_second;
        large.push_back(produce_large_once(options, "threads").bytes_per_second / ring_large);
    }
    return {{.id = "threads",
             .value = std::min(median(commit), median(large)),
             .unit = "x uring",
             .bound_text = "0.5 of backend uring",
             .limit = [](const Probes&) { return 0.5; },
             .note = fmt::format("interleaved; broker-commit {:.2f}, produce-large {:.2f}",
                                 median(commit),
                                 median(large))}};
}

}  // namespace millrace::bench
