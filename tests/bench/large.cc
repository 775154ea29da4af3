// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "millrace/consumer.h"
#include "millrace/producer.h"
#include "tests/bench/broker.h"
#include "tests/bench/raw/support.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

namespace millrace::bench {

namespace {

constexpr std::uint64_t kWalBytes = 256ULL << 20;
constexpr std::size_t kLargeRecordBytes = 64 * 1024UL - 64;
constexpr std::size_t kTailBytes = 128UL << 20;
constexpr std::size_t kTailRecordBytes = 16 * 1024UL - 128;

std::string value_of(std::size_t bytes, std::uint64_t number) {
    auto value = std::to_string(number) + " ";
    value.resize(bytes, 'x');
    return value;
}

ProducerOptions batches_of(std::uint32_t bytes) {
    ProducerOptions options;
    options.batch_bytes = bytes;
    options.durability = Durability::written;
    options.in_flight_per_partition = 4;
    return options;
}

LargeRun run_of(std::uint64_t bytes, double seconds, double cpu) {
    return {.bytes_per_second = static_cast<double>(bytes) / seconds,
            .cpu_per_gigabyte = cpu / (static_cast<double>(bytes) / 1e9),
            .counts = {}};
}

// Values are sent until time and amount are reached; every offset is checked.
LargeRun send_for(BenchBroker& broker,
                  double seconds,
                  std::uint64_t bytes_min,
                  std::uint64_t& count) {
    const auto client = broker.client();
    auto producer = require(Producer::open(client, batches_of(256 * 1024)), "producer");
    std::atomic<std::uint64_t> acked{0};
    const auto value = value_of(kLargeRecordBytes, 0);
    Record record;
    record.topic = "large";
    record.value = value;
    const auto process = broker.process().process().pid();
    const auto cpu_before = cpu_seconds(process);
    const auto start = now();
    count = 0;
    for (std::uint64_t bytes = 0; seconds_since(start) < seconds || bytes < bytes_min;
         bytes += value.size(), ++count) {
        record.partition = static_cast<std::uint32_t>(count / 4 % 4);
        require(producer.send(record,
                              [&acked](const Result<Ack>& ack) {
                                  if (!ack) bench_failed("produce: " + ack.error().message);
                                  acked.fetch_add(1, std::memory_order_relaxed);
                              }),
                "send");
    }
    require(producer.flush(), "flush");
    if (acked != count) bench_failed("acknowledgements are missing");
    return run_of(count * value.size(), seconds_since(start), cpu_seconds(process) - cpu_before);
}

void verify_large(BenchBroker& broker, std::uint64_t count) {
    const auto client = broker.client();
    auto consumer = require(Consumer::open(client), "consumer");
    require(consumer.assign_topic("large"), "assign");
    const auto expected = value_of(kLargeRecordBytes, 0);
    std::vector<std::int64_t> next(4);
    for (std::uint64_t seen = 0; seen < count;) {
        const auto records = require(consumer.poll(std::chrono::seconds(10)), "poll");
        if (records.empty()) bench_failed("records are missing");
        for (const auto& record : records) {
            if (record.offset != next[record.partition]++ || record.value != expected)
                bench_failed("a record came back changed or at another offset");
        }
        seen += records.size();
    }
}

// The same tail is read again and again.
LargeRun tail_once(const BenchOptions& options) {
    BenchBroker broker(options, {"wal.bytes=\"512MiB\"", "memory.total=\"2GiB\"", "node.shards=1"});
    broker.create("tail", 1);
    const auto client = broker.client();
    constexpr auto kRecords = kTailBytes / kTailRecordBytes;
    {
        auto producer = require(Producer::open(client, batches_of(16 * 1024)), "producer");
        for (std::uint64_t i = 0; i < kRecords; ++i) {
            const auto value = value_of(kTailRecordBytes, i);
            Record record;
            record.topic = "tail";
            record.value = value;
            require(producer.send(record, {}), "send");
        }
        require(producer.close(), "close");
    }
    ConsumerOptions consumer_options;
    consumer_options.partition_bytes_max = 8U << 20;
    auto consumer = require(Consumer::open(client, consumer_options), "consumer");
    const TopicPartition partition{"tail", 0};
    require(consumer.assign({{partition, Position::start()}}), "assign");
    std::uint64_t bytes = 0;
    const auto process = broker.process().process().pid();
    const auto cpu_before = cpu_seconds(process);
    const auto start = now();
    while (seconds_since(start) < options.seconds) {
        require(consumer.seek(partition, Position::at(0)), "seek");
        for (std::uint64_t seen = 0; seen < kRecords;) {
            const auto records = require(consumer.poll(std::chrono::seconds(10)), "poll");
            if (records.empty()) bench_failed("records are missing");
            for (const auto& record : records) {
                if (record.offset != static_cast<std::int64_t>(seen++))
                    bench_failed("an offset is not the next one");
                bytes += record.value.value_or("").size();
            }
        }
    }
    return run_of(bytes, seconds_since(start), cpu_seconds(process) - cpu_before);
}

Row cpu_row(const std::string& id, const std::vector<double>& cpu, const std::string& note) {
    return {.id = id,
            .value = median(cpu),
            .unit = "s of broker CPU a GB",
            .at_most = true,
            .bound_text = {},
            .limit = nullptr,
            .note = note};
}

}  // namespace

LargeRun produce_large_once(const BenchOptions& options, const std::string& io) {
    BenchBroker broker(options, {"wal.bytes=\"256MiB\"", "node.shards=1", "engine.io=" + io});
    broker.create("large", 4, {{"durability", "written"}});
    std::uint64_t count = 0;
    const auto bytes = static_cast<std::uint64_t>(options.dirty_bounds * kWalBytes);
    auto run = send_for(broker, options.seconds, bytes, count);
    verify_large(broker, count);
    run.counts = broker.stop();
    return run;
}

std::vector<Row> measure_produce_large(const BenchOptions& options) {
    std::vector<double> rates;
    std::vector<double> cpu;
    LargeRun last;
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        last = produce_large_once(options, "auto");
        rates.push_back(last.bytes_per_second);
        cpu.push_back(last.cpu_per_gigabyte);
    }
    auto cpu_produce = cpu_row("cpu-produce", cpu, "in the runs of produce-large");
    cpu_produce.bound_text = "0.8";
    cpu_produce.limit = [](const Probes&) { return 0.8; };
    return {{.id = "produce-large",
             .value = median(rates),
             .unit = "bytes/s",
             .bound_text = "0.4 min(raw_tcp, raw_write)",
             .limit = [](const Probes& probes) { return 0.4 * std::min(probes.tcp, probes.write); },
             .note = "written; 256 KiB batches of 64 KiB records, 4 partitions, one client; last "
                     "run: " +
                     last.counts,
             .obstacle = "bytes in flight: the device reaches raw_write with several MiB "
                         "outstanding, while the log has at most two groups of 256 KiB and the "
                         "flusher 512 KiB in flight, so that a durable group never stands behind "
                         "more; and every byte is written twice"},
            cpu_produce};
}

std::vector<Row> measure_tail(const BenchOptions& options) {
    std::vector<double> rates;
    std::vector<double> cpu;
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        const auto run = tail_once(options);
        rates.push_back(run.bytes_per_second);
        cpu.push_back(run.cpu_per_gigabyte);
    }
    auto cpu_tail = cpu_row("cpu-tail", cpu, "in the runs of tail");
    cpu_tail.bound_text = "0.4";
    cpu_tail.limit = [](const Probes&) { return 0.4; };
    return {{.id = "tail",
             .value = median(rates),
             .unit = "bytes/s",
             .bound_text = "0.5 raw_tcp",
             .limit = [](const Probes& probes) { return 0.5 * probes.tcp; },
             .note = "the same 128 MiB in batches of 16 KiB through the C++ consumer, checksums "
                     "verified",
             .obstacle = "the copy into and out of the socket and the checksums, on one core each "
                         "side"},
            cpu_tail};
}

}  // namespace millrace::bench
