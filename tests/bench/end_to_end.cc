// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "millrace/consumer.h"
#include "millrace/producer.h"
#include "tests/bench/broker.h"
#include "tests/bench/raw/support.h"

#include <fmt/format.h>

#include <charconv>
#include <poll.h>
#include <thread>

namespace millrace::bench {

namespace {

constexpr double kRate = 1000;

// Nanoseconds since `start` stand in each value.
void send_at_rate(const Client& client, Instant start, std::uint64_t count) {
    auto producer = require(Producer::open(client), "producer");
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto due = start + std::chrono::nanoseconds(static_cast<std::int64_t>(
                                         static_cast<double>(i) * 1e9 / kRate));
        const auto wait = due - now();
        if (wait.count() > 0) {
            const timespec time{.tv_sec = 0, .tv_nsec = wait.count()};
            ppoll(nullptr, 0, &time, nullptr);
        }
        const auto value = std::to_string((now() - start).count());
        Record record;
        record.topic = "e2e";
        record.value = value;
        require(producer.send(record,
                              [](const Result<Ack>& ack) {
                                  if (!ack) bench_failed("produce: " + ack.error().message);
                              }),
                "send");
    }
    require(producer.close(), "close");
}

Latency run_once(const BenchOptions& options, const std::string& durability) {
    BenchBroker broker(options, {"node.shards=1"});
    broker.create("e2e", 1, {{"durability", durability}});
    const auto consuming = broker.client();
    const auto producing = broker.client();
    auto consumer = require(Consumer::open(consuming), "consumer");
    require(consumer.assign_topic("e2e"), "assign");
    const auto count = static_cast<std::uint64_t>(kRate * options.seconds / 3);
    std::vector<double> latencies;
    latencies.reserve(count);
    const auto start = now() + std::chrono::milliseconds(200);
    std::thread sender([&] { send_at_rate(producing, start, count); });
    while (latencies.size() < count) {
        const auto records = require(consumer.poll(std::chrono::seconds(10)), "poll");
        const auto arrived = now();
        if (records.empty()) bench_failed("records are missing");
        for (const auto& record : records) {
            std::int64_t sent = 0;
            const auto value = record.value.value_or("");
            std::from_chars(value.data(), value.data() + value.size(), sent);
            if (record.offset != static_cast<std::int64_t>(latencies.size()))
                bench_failed("an offset is not the next one");
            latencies.push_back(std::chrono::duration<double, std::micro>(arrived - start).count() -
                                static_cast<double>(sent) / 1000);
        }
    }
    sender.join();
    return latency_of(latencies);
}

Row row_of(const BenchOptions& options, const std::string& durability) {
    std::vector<double> p50;
    std::vector<double> p99;
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        const auto latency = run_once(options, durability);
        p50.push_back(latency.p50_us);
        p99.push_back(latency.p99_us);
    }
    return {.id = "e2e-" + durability,
            .value = median(p50),
            .unit = "us p50",
            .at_most = true,
            .bound_text = {},
            .note = fmt::format("1,000 records/s, consumer waiting; p99 {:.0f} us", median(p99)),
            .durable = durability == "synced",
            .obstacle =
                    "at 1,000 records a second every thread on the way sleeps between two records, "
                    "and each of its wake-ups costs what raw_rtt, whose two threads never "
                    "sleep long, does not pay"};
}

}  // namespace

std::vector<Row> measure_end_to_end(const BenchOptions& options) {
    auto memory = row_of(options, "memory");
    memory.bound_text = "10 raw_rtt";
    memory.limit = [](const Probes& probes) { return 10 * probes.rtt_us; };
    auto synced = row_of(options, "synced");
    synced.bound_text = "raw_sync p50, busy cores, + 10 raw_rtt";
    synced.limit = [](const Probes& probes) {
        return probes.sync_busy.p50_us + 10 * probes.rtt_us;
    };
    return {memory, synced};
}

}  // namespace millrace::bench
