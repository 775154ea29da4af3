// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/bench/commit_load.h"

#include "millrace/consumer.h"
#include "millrace/producer.h"
#include "tests/bench/raw/support.h"

#include <atomic>
#include <charconv>
#include <poll.h>

namespace millrace::bench {

namespace {

const std::string kTopic = "commit";

// "<partition> <counter> xxx"
std::string value_of(std::uint32_t partition, std::uint64_t counter) {
    auto value = std::to_string(partition) + " " + std::to_string(counter) + " ";
    value.resize(kCommitRecordBytes, 'x');
    return value;
}

ProducerOptions one_record_a_batch() {
    ProducerOptions options;
    options.batch_bytes = 1024;
    options.in_flight_per_partition = kCommitOutstanding / kCommitPartitions;
    return options;
}

// Sends the next record of a partition, and from its acknowledgement the one after.
class ClosedLoop {
public:
    explicit ClosedLoop(Producer& producer) : producer_(producer), next_(kCommitPartitions) {}

    void send(std::uint32_t partition) {
        const auto value = value_of(partition, next_[partition]++);
        Record record;
        record.topic = kTopic;
        record.partition = partition;
        record.value = value;
        require(producer_.send(record,
                               [this, partition](const Result<Ack>& ack) {
                                   if (!ack) bench_failed("produce: " + ack.error().message);
                                   acked_.fetch_add(1, std::memory_order_relaxed);
                                   if (!stopping_.load(std::memory_order_relaxed)) send(partition);
                               }),
                "send");
    }

    void stop() { stopping_ = true; }

    [[nodiscard]] std::uint64_t acked() const { return acked_.load(std::memory_order_relaxed); }

private:
    Producer& producer_;
    std::vector<std::uint64_t> next_;  // Touched by the I/O thread once it runs.
    std::atomic<std::uint64_t> acked_{0};
    std::atomic<bool> stopping_{false};
};

void pause_for(double seconds) {
    const auto whole = static_cast<time_t>(seconds);
    const timespec time{.tv_sec = whole,
                        .tv_nsec = static_cast<long>((seconds - static_cast<double>(whole)) * 1e9)};
    ppoll(nullptr, 0, &time, nullptr);
}

double ratio(std::uint64_t batches, std::uint64_t requests) {
    return requests == 0 ? 0 : static_cast<double>(batches) / static_cast<double>(requests);
}

}  // namespace

CommitRun run_closed_loop(BenchBroker& broker, double seconds, std::uint64_t batches_min) {
    const auto client = broker.client();
    auto producer = require(Producer::open(client, one_record_a_batch()), "producer");
    ClosedLoop loop(producer);
    const auto start = now();
    for (std::uint32_t i = 0; i < kCommitOutstanding; ++i)
        loop.send(i % kCommitPartitions);
    while (seconds_since(start) < seconds || loop.acked() < batches_min)
        pause_for(0.05);
    CommitRun run;
    run.batches_per_second = static_cast<double>(loop.acked()) / seconds_since(start);
    loop.stop();
    require(producer.flush(), "flush");
    run.batches = loop.acked();
    const auto statistics = producer.statistics();
    run.batches_per_request = ratio(statistics.batches, statistics.requests);
    return run;
}

CommitRun run_open_loop(BenchBroker& broker, double seconds, double rate) {
    const auto client = broker.client();
    auto options = one_record_a_batch();
    options.buffer_bytes = 512U << 20;
    auto producer = require(Producer::open(client, options), "producer");
    const auto batches = static_cast<std::uint64_t>(seconds * rate);
    std::vector<double> latencies(batches);
    std::atomic<std::uint64_t> acked{0};
    std::vector<std::uint64_t> next(kCommitPartitions);
    const auto start = now();
    for (std::uint64_t i = 0; i < batches; ++i) {
        const auto due = start + std::chrono::nanoseconds(static_cast<std::int64_t>(
                                         static_cast<double>(i) * 1e9 / rate));
        if (due > now()) pause_for(std::chrono::duration<double>(due - now()).count());
        const auto partition = static_cast<std::uint32_t>(i % kCommitPartitions);
        const auto value = value_of(partition, next[partition]++);
        Record record;
        record.topic = kTopic;
        record.partition = partition;
        record.value = value;
        require(producer.send(
                        record,
                        [&latency = latencies[i], &acked, due](const Result<Ack>& ack) {
                            if (!ack) bench_failed("produce: " + ack.error().message);
                            latency =
                                    std::chrono::duration<double, std::micro>(now() - due).count();
                            acked.fetch_add(1, std::memory_order_relaxed);
                        }),
                "send");
    }
    require(producer.flush(), "flush");
    CommitRun run;
    run.batches = acked;
    run.batches_per_second = static_cast<double>(run.batches) / seconds_since(start);
    run.latency = latency_of(latencies);
    const auto statistics = producer.statistics();
    run.batches_per_request = ratio(statistics.batches, statistics.requests);
    return run;
}

void verify_commits(BenchBroker& broker, std::uint64_t batches) {
    const auto client = broker.client();
    auto consumer = require(Consumer::open(client), "consumer");
    require(consumer.assign_topic(kTopic), "assign");
    std::vector<std::int64_t> next(kCommitPartitions);
    std::uint64_t seen = 0;
    while (seen < batches) {
        const auto records = require(consumer.poll(std::chrono::seconds(10)), "poll");
        if (records.empty()) bench_failed("records are missing: " + std::to_string(batches - seen));
        for (const auto& record : records) {
            const auto value = record.value.value_or("");
            std::uint32_t partition = 0;
            std::from_chars(value.data(), value.data() + value.size(), partition);
            if (record.offset != next[record.partition]++ || partition != record.partition ||
                value.size() != kCommitRecordBytes)
                bench_failed("a record came back changed or at another offset");
        }
        seen += records.size();
    }
    if (seen != batches) bench_failed("there are more records than were sent");
}

}  // namespace millrace::bench
