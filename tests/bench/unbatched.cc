// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/bench/bench.h"
#include "tests/bench/broker.h"
#include "tests/bench/raw/support.h"
#include "tests/broker/request/requests.h"
#include "tests/hostile/raw_client.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::bench {

namespace {

constexpr std::size_t kMessageBytes = 100;
constexpr int kBurst = 64;
constexpr int kOutstandingMax = 3 * kBurst;

struct UnbatchedRun {
    double requests_per_second = 0;
    double cpu_us = 0;  // Of the broker, each.
};

engine::PartitionKey key_of(BenchBroker& broker, const std::string& topic) {
    const auto described = require(broker.admin().describe_topic(topic), "describe");
    engine::PartitionKey key;
    key.topic.bytes = described.id.bytes;
    return key;
}

// The same request again and again: a burst goes out while others are being answered.
std::uint64_t pipeline_for(testing::RawClient& client,
                           const testing::RequestFrame& request,
                           double seconds) {
    const auto one = testing::bytes_of(request);
    std::vector<std::byte> burst;
    for (int i = 0; i < kBurst; ++i)
        burst.insert(burst.end(), one.begin(), one.end());
    std::uint64_t answered = 0;
    int outstanding = 0;
    const auto start = now();
    while (outstanding > 0 || seconds_since(start) < seconds) {
        if (seconds_since(start) < seconds && outstanding + kBurst <= kOutstandingMax) {
            if (!client.write(burst)) bench_failed("the broker closed the connection");
            outstanding += kBurst;
        }
        client.wait(false);
        for (const auto& answer : client.read_ready()) {
            if (answer.error() != 0) bench_failed("produce: " + answer.message());
            ++answered;
            --outstanding;
        }
    }
    return answered;
}

void verify(BenchBroker& broker, std::uint64_t count) {
    const auto offsets = require(broker.admin().topic_offsets("single"), "offsets");
    if (static_cast<std::uint64_t>(offsets.front().end_offset) != count) {
        bench_failed("there are not as many records as requests");
    }
}

UnbatchedRun run_once(const BenchOptions& options) {
    BenchBroker broker(options, {"node.shards=1", "wal.bytes=\"256MiB\""});
    broker.create("single", 1, {{"durability", "memory"}});
    const auto batch = testing::batch_of({std::string(kMessageBytes, 'x')});
    const auto request = testing::produce_request({{key_of(broker, "single"), batch}});
    testing::RawClient client(broker.process().address());
    static_cast<void>(client.ask(testing::hello_request()));
    const auto process = broker.process().process().pid();
    const auto cpu_before = cpu_seconds(process);
    const auto start = now();
    const auto requests = pipeline_for(client, request, options.seconds);
    const auto took = seconds_since(start);
    const auto cpu = cpu_seconds(process) - cpu_before;
    verify(broker, requests);
    return {.requests_per_second = static_cast<double>(requests) / took,
            .cpu_us = cpu * 1e6 / static_cast<double>(requests)};
}

}  // namespace

std::vector<Row> measure_unbatched(const BenchOptions& options) {
    std::vector<double> rates;
    std::vector<double> cpu;
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        const auto run = run_once(options);
        rates.push_back(run.requests_per_second);
        cpu.push_back(run.cpu_us);
    }
    const auto note = fmt::format(
            "memory; one message of {} B a request, one connection, up to {} "
            "on their way",
            kMessageBytes,
            kOutstandingMax);
    return {{.id = "unbatched",
             .value = median(rates),
             .unit = "requests/s",
             .bound_text = "150,000",
             .limit = [](const Probes&) { return 150'000.0; },
             .note = note},
            {.id = "unbatched-cpu",
             .value = median(cpu),
             .unit = "us of broker CPU each",
             .at_most = true,
             .bound_text = "4",
             .limit = [](const Probes&) { return 4.0; },
             .note = note}};
}

}  // namespace millrace::bench
