// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "millrace/producer.h"
#include "tests/bench/broker.h"
#include "tests/bench/raw/support.h"

#include <fmt/format.h>

#include <poll.h>

namespace millrace::bench {

namespace {

constexpr std::uint32_t kManyPartitions = 10'000;
constexpr std::uint64_t kOpenBytes = 10ULL << 30;
constexpr std::uint32_t kOpenPartitions = 1000;
constexpr double kMiB = 1024.0 * 1024.0;

void wait_seconds(double seconds) {
    const timespec time{.tv_sec = static_cast<time_t>(seconds), .tv_nsec = 0};
    ppoll(nullptr, 0, &time, nullptr);
}

void send_one(const Client& client) {
    auto producer = require(Producer::open(client), "producer");
    Record record;
    record.topic = "first";
    record.value = "x";
    require(producer.send(record).get(), "produce");
}

void fill(BenchBroker& broker, const std::string& topic, std::uint64_t bytes, std::uint32_t parts) {
    const auto client = broker.client();
    ProducerOptions options;
    options.batch_bytes = 64 * 1024;
    options.durability = Durability::written;
    auto producer = require(Producer::open(client, options), "producer");
    const std::string value(16 * 1024UL, 'x');
    Record record;
    record.topic = topic;
    record.value = value;
    std::uint64_t sent = 0;
    for (std::uint64_t i = 0; sent < bytes; ++i, sent += value.size()) {
        record.partition = static_cast<std::uint32_t>(i / 4 % parts);
        require(producer.send(record,
                              [](const Result<Ack>& ack) {
                                  if (!ack) bench_failed("produce: " + ack.error().message);
                              }),
                "send");
    }
    require(producer.close(), "close");
}

// One record into every partition, all waiting at once.
void send_to_each(const BenchBroker& broker, const std::string& topic, std::uint32_t partitions) {
    auto producer = require(Producer::open(broker.client()), "producer");
    for (std::uint32_t partition = 0; partition < partitions; ++partition) {
        Record record;
        record.topic = topic;
        record.partition = partition;
        record.value = "x";
        require(producer.send(record,
                              [](const Result<Ack>& ack) {
                                  if (!ack) bench_failed("produce: " + ack.error().message);
                              }),
                "send");
    }
    require(producer.close(), "close");
}

double at_most(double value) {
    return value;
}

}  // namespace

std::vector<Row> measure_create(const BenchOptions& options) {
    std::vector<double> seconds;
    std::vector<double> untouched;
    std::vector<double> written;
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        BenchBroker broker(options);
        auto admin = broker.admin();
        require(admin.create_topic({"warm", 1, {}}), "create");
        const auto before = resident_bytes(broker.process().process().pid());
        const auto start = now();
        require(admin.create_topic({"many", kManyPartitions, {}}), "create");
        seconds.push_back(seconds_since(start));
        const auto each = [&] {
            const auto now_resident = resident_bytes(broker.process().process().pid());
            return static_cast<double>(now_resident - std::min(before, now_resident)) /
                   kManyPartitions;
        };
        untouched.push_back(each());
        if (repeat > 0) continue;  // Waits as long as an idle broker is watched: once.
        send_to_each(broker, "many", kManyPartitions);
        wait_seconds(options.idle_seconds);
        written.push_back(each());
    }
    return {{.id = "create",
             .value = median(seconds),
             .unit = "s",
             .at_most = true,
             .bound_text = "fixed",
             .limit = [](const Probes&) { return at_most(1); },
             .note = "10,000 partitions durably in one call",
             .durable = true,
             .obstacle = "making partitions one after the other"},
            {.id = "idle-partition",
             .value = std::max(median(untouched), median(written)),
             .unit = "bytes RSS",
             .at_most = true,
             .bound_text = "fixed",
             .limit = [](const Probes&) { return at_most(16 * 1024); },
             .note = fmt::format(
                     "each of 10,000, with a record in each; {:.0f} before there is one",
                     median(untouched)),
             .obstacle = "what a log keeps in memory: its tail, its place and its settings"}};
}

std::vector<Row> measure_open(const BenchOptions& options) {
    BenchBroker broker(options);
    broker.create("filled", kOpenPartitions);
    fill(broker, "filled", kOpenBytes, kOpenPartitions);
    std::vector<double> milliseconds;
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        fill(broker, "filled", 64ULL << 20, kOpenPartitions);  // Something to replay, each time.
        broker.process().kill();
        const auto start = now();
        broker.kill_and_start();
        milliseconds.push_back(seconds_since(start) * 1000);
    }
    return {{.id = "open",
             .value = median(milliseconds),
             .unit = "ms",
             .at_most = true,
             .bound_text = "fixed",
             .limit = [](const Probes&) { return at_most(500); },
             .note = "exec to ready after kill -9, 10 GB in 1,000 partitions",
             .obstacle = "reading the live part of the write-ahead log"}};
}

std::vector<Row> measure_start(const BenchOptions& options) {
    std::vector<double> first_ack;
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        const auto start = now();
        BenchBroker broker(options);
        broker.create("first", 1);
        send_one(broker.client());
        first_ack.push_back(seconds_since(start) * 1000);
    }
    BenchBroker broker(options);
    const auto process = broker.process().process().pid();
    wait_seconds(2);
    const auto resident = resident_bytes(process);
    const auto cpu = cpu_seconds(process);
    const auto switches = context_switches(process);
    wait_seconds(options.idle_seconds);
    const auto cpu_used = (cpu_seconds(process) - cpu) * 1000 * 60 / options.idle_seconds;
    const auto wakes =
            static_cast<double>(context_switches(process) - switches) / options.idle_seconds;
    const auto disk = disk_bytes(broker.data());
    broker.create("load", 16);
    fill(broker, "load", 1ULL << 30, 16);
    wait_seconds(options.idle_seconds);
    const auto after_load = resident_bytes(process);
    const auto row =
            [](std::string id, double value, std::string unit, double (*limit)(const Probes&)) {
                return Row{.id = std::move(id),
                           .value = value,
                           .unit = std::move(unit),
                           .at_most = true,
                           .bound_text = "fixed",
                           .limit = limit,
                           .note = "empty broker, default settings",
                           .obstacle = "what a broker keeps ready to answer at once"};
            };
    auto start = row("start", median(first_ack), "ms", [](const Probes&) { return at_most(50); });
    start.note =
            "exec to the first synced acknowledgement on an empty directory, topic made between";
    auto loaded = row("idle-rss-after-load",
                      static_cast<double>(after_load) / kMiB,
                      "MiB",
                      [](const Probes&) { return at_most(32); });
    loaded.note = fmt::format("{:.0f} s after 1 GiB was produced", options.idle_seconds);
    return {start,
            row("idle-rss",
                static_cast<double>(resident) / kMiB,
                "MiB",
                [](const Probes&) { return at_most(32); }),
            loaded,
            row("idle-cpu", cpu_used, "ms/minute", [](const Probes&) { return at_most(10); }),
            row("idle-wakeups", wakes, "1/s", [](const Probes&) { return at_most(10); }),
            row("idle-disk", static_cast<double>(disk) / kMiB, "MiB", [](const Probes&) {
                return at_most(64);
            })};
}

}  // namespace millrace::bench
