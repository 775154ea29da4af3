// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "millrace/consumer.h"
#include "millrace/producer.h"
#include "tests/bench/bench.h"
#include "tests/bench/broker.h"
#include "tests/bench/raw/support.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

namespace millrace::bench {

namespace {

constexpr std::uint64_t kWalBytes = 256ULL << 20;
constexpr std::size_t kSmallBytes = 100;
constexpr std::size_t kLargestBytes = 10'000'000;
constexpr double kSecondsEach = 1;
constexpr std::uint64_t kCurveWalMib = 512;
constexpr std::size_t kWarmUpMessageBytes = 64 * 1024;

struct Sent {
    std::uint64_t count = 0;
    double per_second = 0;
};

// One client, batches by size and linger, one partition, until time and amount are reached.
Sent send_messages(BenchBroker& broker,
                   const std::string& topic,
                   std::size_t bytes,
                   double seconds,
                   std::uint64_t total_min) {
    const auto client = broker.client();
    ProducerOptions options;
    options.linger = std::chrono::milliseconds(1);
    options.in_flight_per_partition = 4;
    auto producer = require(Producer::open(client, options), "producer");
    const std::string value(bytes, 'x');
    Record record;
    record.topic = topic;
    record.partition = 0;
    record.value = value;
    Sent sent;
    const auto start = now();
    while (seconds_since(start) < seconds || sent.count * bytes < total_min) {
        // The clock is looked at from time to time.
        for (std::size_t burst = std::max<std::size_t>(1, 65'536 / bytes); burst > 0; --burst) {
            require(producer.send(record, {}), "send");
            ++sent.count;
        }
    }
    require(producer.flush(), "flush");
    sent.per_second = static_cast<double>(sent.count) / seconds_since(start);
    if (producer.statistics().records_acknowledged != sent.count) {
        bench_failed("acknowledgements are missing");
    }
    return sent;
}

void verify(BenchBroker& broker, const std::string& topic, std::size_t bytes, std::uint64_t count) {
    const auto client = broker.client();
    ConsumerOptions options;
    options.partition_bytes_max = 8U << 20;
    auto consumer = require(Consumer::open(client, options), "consumer");
    require(consumer.assign_topic(topic), "assign");
    const std::string expected(bytes, 'x');
    for (std::uint64_t seen = 0; seen < count;) {
        const auto records = require(consumer.poll(std::chrono::seconds(10)), "poll");
        if (records.empty()) bench_failed("records are missing");
        for (const auto& record : records) {
            if (record.offset != static_cast<std::int64_t>(seen++) || record.value != expected) {
                bench_failed("a record came back changed or at another offset");
            }
        }
    }
}

double small_once(const BenchOptions& options) {
    BenchBroker broker(options, {"node.shards=1", "wal.bytes=\"256MiB\""});
    broker.create("small", 1);
    const auto total = static_cast<std::uint64_t>(options.dirty_bounds * kWalBytes);
    const auto sent = send_messages(broker, "small", kSmallBytes, options.seconds, total);
    verify(broker, "small", kSmallBytes, sent.count);
    return sent.per_second;
}

// 10 B, 20 B, 40 B ... 10 MB.
std::vector<std::size_t> sizes() {
    std::vector<std::size_t> all;
    for (std::size_t bytes = 10; bytes < kLargestBytes; bytes *= 2)
        all.push_back(bytes);
    all.push_back(kLargestBytes);
    return all;
}

// Bytes a second of messages, by size.
std::vector<double> curve_once(const BenchOptions& options) {
    BenchBroker broker(options,
                       {"node.shards=1",
                        "memory.total=\"2GiB\"",
                        fmt::format("wal.bytes=\"{}MiB\"", kCurveWalMib),
                        "network.request_bytes_max=\"32MiB\""});
    // The files of a new write-ahead log are zeroed while they are first written to, which would be
    // counted against the sizes that come first.
    broker.create("warm-up", 1, {{"max.message.bytes", "16777216"}});
    send_messages(broker, "warm-up", kWarmUpMessageBytes, 0, 2 * kCurveWalMib << 20);
    std::vector<double> rates;
    for (const auto bytes : sizes()) {
        const auto topic = "size-" + std::to_string(bytes);
        broker.create(topic, 1, {{"max.message.bytes", "16777216"}});
        const auto sent = send_messages(broker, topic, bytes, kSecondsEach, 0);
        verify(broker, topic, bytes, sent.count);
        rates.push_back(sent.per_second * static_cast<double>(bytes));
    }
    return rates;
}

}  // namespace

std::vector<Row> measure_small_messages(const BenchOptions& options) {
    std::vector<double> rates;
    for (int repeat = 0; repeat < options.repeats; ++repeat)
        rates.push_back(small_once(options));
    return {{.id = "small-messages",
             .value = median(rates),
             .unit = "messages/s",
             .bound_text = "2,000,000",
             .limit = [](const Probes&) { return 2e6; },
             .note = "synced; 100 B each, batches of up to 256 KiB, linger 1 ms, one client",
             .durable = true}};
}

std::vector<Row> measure_sizes(const BenchOptions& options) {
    std::vector<std::vector<double>> by_size(sizes().size());
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        const auto rates = curve_once(options);
        for (std::size_t index = 0; index < rates.size(); ++index)
            by_size[index].push_back(rates[index]);
    }
    std::string curve;
    double worst = 1;
    double before = 0;
    for (std::size_t index = 0; index < by_size.size(); ++index) {
        const auto rate = median(by_size[index]);
        if (before > 0) worst = std::max({worst, rate / before, before / rate});
        before = rate;
        curve += fmt::format("{}{} B {:.1f}", index == 0 ? "" : ", ", sizes()[index], rate / 1e6);
    }
    return {{.id = "sizes",
             .value = worst,
             .unit = "x between neighbours",
             .at_most = true,
             .bound_text = "2",
             .limit = [](const Probes&) { return 2.0; },
             .note = "synced; messages of each size batched by one client for a second, MB/s: " +
                     curve,
             .durable = true}};
}

}  // namespace millrace::bench
