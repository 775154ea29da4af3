// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "millrace/consumer.h"
#include "millrace/producer.h"
#include "tests/bench/broker.h"
#include "tests/bench/raw/support.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

namespace millrace::bench {

namespace {

constexpr std::uint64_t kKeys = 1000;
constexpr std::size_t kValueBytes = 1024;
constexpr double kUpdatesPerDirtyBound = 100'000;  // A million for ten, the default.
constexpr double kUpdatesMin = 20'000;

struct CompactionRun {
    double bytes_per_second = 0;  // Of wall time.
    double bytes_per_cpu = 0;     // Of the broker's.
    std::string note;
};

// Half of it compresses well.
std::string value_of(std::uint64_t number, std::mt19937_64& random) {
    auto value = fmt::format("{} ", number);
    while (value.size() < kValueBytes / 2)
        value += fmt::format("{:016x}", random());
    value.resize(kValueBytes, 'x');
    return value;
}

void send_updates(BenchBroker& broker, std::uint64_t updates, Compression compression) {
    ProducerOptions options;
    options.compression = compression;
    options.durability = Durability::written;
    options.batch_bytes = 64 * 1024;
    auto producer = require(Producer::open(broker.client(), options), "producer");
    std::mt19937_64 random(1);
    for (std::uint64_t number = 0; number < updates; ++number) {
        const auto key = fmt::format("key-{}", number % kKeys);
        const auto value = value_of(number, random);
        Record record;
        record.topic = "state";
        record.key = key;
        record.value = value;
        require(producer.send(record,
                              [](const Result<Ack>& ack) {
                                  if (!ack) bench_failed("produce: " + ack.error().message);
                              }),
                "send");
    }
    require(producer.close(), "close");
}

// Every key has its last value, and what lies before the active segment was compacted.
void verify(BenchBroker& broker, std::uint64_t updates) {
    auto consumer = require(Consumer::open(broker.client()), "consumer");
    require(consumer.assign_topic("state"), "assign");
    std::map<std::string, std::uint64_t> last;
    for (std::int64_t next = 0; next < static_cast<std::int64_t>(updates);) {
        const auto records = require(consumer.poll(std::chrono::seconds(10)), "poll");
        if (records.empty()) bench_failed("records are missing");
        for (const auto& record : records) {
            last[std::string(record.key.value_or(""))] =
                    std::stoull(std::string(record.value.value_or("")));
            next = record.offset + 1;
        }
    }
    if (last.size() != kKeys) bench_failed("keys are missing");
    for (const auto& [key, number] : last) {
        if (number < updates - kKeys) bench_failed("a key has lost its last value");
    }
}

CompactionRun compact_once(const BenchOptions& options, Compression compression) {
    const auto updates = static_cast<std::uint64_t>(std::clamp(
            options.dirty_bounds * kUpdatesPerDirtyBound, kUpdatesMin, kUpdatesPerDirtyBound * 10));
    BenchBroker broker(options, {"node.shards=1", "compaction.bytes_per_second=\"100GiB\""});
    // Not by itself before all of it is there.
    broker.create("state",
                  1,
                  {{"cleanup.policy", "compact"},
                   {"segment.bytes", "16MiB"},
                   {"min.compaction.lag.ms", "1d"}});
    send_updates(broker, updates, compression);
    auto admin = broker.admin();
    require(admin.alter_topic_config("state", {{"min.compaction.lag.ms", "0"}}), "config");
    const auto process = broker.process().process().pid();
    const auto cpu_before = cpu_seconds(process);
    const auto start = now();
    const auto outcomes = require(admin.compact_topic("state", true), "compact");
    const auto seconds = seconds_since(start);
    const auto cpu = cpu_seconds(process) - cpu_before;
    const auto& outcome = outcomes.front();
    if (outcome.error.code != ErrorCode::none) bench_failed(outcome.error.message);
    if (outcome.records_before < updates / 2) {
        bench_failed(fmt::format("only {} of {} records were gone over, in {} segments",
                                 outcome.records_before,
                                 updates,
                                 outcome.segments_before));
    }
    verify(broker, updates);
    const auto bytes = static_cast<double>(outcome.records_before * kValueBytes);
    return {.bytes_per_second = bytes / seconds,
            .bytes_per_cpu = bytes / std::max(cpu, 1e-3),
            .note = fmt::format("{} of {} records left, {} of {} segments",
                                outcome.records_after,
                                outcome.records_before,
                                outcome.segments_after,
                                outcome.segments_before)};
}

}  // namespace

std::vector<Row> measure_compaction(const BenchOptions& options) {
    std::vector<Row> rows;
    for (const auto compression : {Compression::none, Compression::zstd}) {
        const bool plain = compression == Compression::none;
        std::vector<double> per_cpu;
        CompactionRun last;
        double rate = 0;
        for (int repeat = 0; repeat < options.repeats; ++repeat) {
            last = compact_once(options, compression);
            per_cpu.push_back(last.bytes_per_cpu);
            rate = std::max(rate, last.bytes_per_second);
        }
        Row row{.id = plain ? "compaction" : "compaction-zstd",
                .value = median(per_cpu),
                .unit = "bytes of records/s of broker CPU",
                .bound_text = plain ? "2e8" : "none",
                .limit = [](const Probes&) { return 0.0; },
                .note = fmt::format(
                        "updates of 1 KiB on 1,000 keys, {}, storing included; best run "
                        "{:.3g} bytes/s; last run: {}",
                        plain ? "not compressed" : "zstd",
                        rate,
                        last.note),
                .obstacle = {}};
        if (plain) row.limit = [](const Probes&) { return 2e8; };
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace millrace::bench
