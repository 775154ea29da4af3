// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/bench/bench.h"
#include "tests/bench/broker.h"
#include "tests/bench/raw/support.h"
#include "tests/broker/request/requests.h"
#include "tests/hostile/raw_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <poll.h>
#include <sys/resource.h>

namespace millrace::bench {

namespace {

constexpr std::size_t kFew = 100;
constexpr std::size_t kMany = 10'000;
constexpr double kRate = 2'000;  // Of all connections together.

void allow_descriptors(std::size_t count) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, count);
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < count) bench_failed(fmt::format("{} descriptors are needed", count));
}

class Connections {
public:
    Connections(BenchBroker& broker, std::size_t count) {
        const auto described = require(broker.admin().describe_topic("t"), "describe");
        engine::PartitionKey key;
        key.topic.bytes = described.id.bytes;
        request_ = testing::produce_request({{key, testing::batch_of({std::string(100, 'x')})}});
        for (std::size_t i = 0; i < count; ++i) {
            clients_.emplace_back(broker.process().address());
            static_cast<void>(clients_.back().ask(testing::hello_request()));
        }
    }

    // Durable appends at the rate, each over the next connection, timed from when it was due.
    [[nodiscard]] Latency load(double seconds) {
        std::vector<double> latencies;
        const auto start = now();
        for (std::size_t i = 0; seconds_since(start) < seconds; ++i) {
            const auto due = start + std::chrono::nanoseconds(static_cast<std::int64_t>(
                                             static_cast<double>(i) * 1e9 / kRate));
            wait_until(due);
            const auto answer = clients_[i % clients_.size()].ask(request_);
            if (answer.error() != 0) bench_failed("produce: " + answer.message());
            latencies.push_back(std::chrono::duration<double, std::micro>(now() - due).count());
        }
        return latency_of(latencies);
    }

private:
    static void wait_until(Instant due) {
        const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(due - now()).count();
        if (left <= 0) return;
        const timespec time{.tv_sec = 0, .tv_nsec = left};
        ppoll(nullptr, 0, &time, nullptr);
    }

    testing::RequestFrame request_;
    std::vector<testing::RawClient> clients_;
};

}  // namespace

std::vector<Row> measure_connections(const BenchOptions& options) {
    allow_descriptors(kMany + 1000);
    std::vector<double> ratios;
    std::vector<double> memory;
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        BenchBroker broker(
                options, {"node.shards=1", fmt::format("network.connections_max={}", kMany + 100)});
        broker.create("t", 1);
        const auto process = broker.process().process().pid();
        Connections few(broker, kFew);
        static_cast<void>(few.load(1));
        const auto p99_few = few.load(options.seconds / 3).p99_us;
        const auto before = resident_bytes(process);
        Connections many(broker, kMany - kFew);
        memory.push_back(static_cast<double>(resident_bytes(process) - before) /
                         static_cast<double>(kMany - kFew));
        ratios.push_back(many.load(options.seconds / 3).p99_us / p99_few);
    }
    const auto note = fmt::format(
            "synced; {:.0f} requests a second of 100 B over {} connections "
            "and over {}",
            kRate,
            kFew,
            kMany);
    return {{.id = "connections",
             .value = median(ratios),
             .unit = "x p99 of few",
             .at_most = true,
             .bound_text = "4",
             .limit = [](const Probes&) { return 4.0; },
             .note = note,
             .durable = true},
            {.id = "connection-memory",
             .value = median(memory),
             .unit = "bytes each",
             .at_most = true,
             .bound_text = "32 KiB",
             .limit = [](const Probes&) { return 32.0 * 1024; },
             .note = "resident memory of the broker, by idle connection that has said hello"}};
}

}  // namespace millrace::bench
