// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "millrace/producer.h"
#include "tests/bench/bench.h"
#include "tests/bench/broker.h"
#include "tests/bench/raw/support.h"
#include "tests/broker/request/requests.h"
#include "tests/hostile/raw_client.h"
#include "tests/support/metrics_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

namespace millrace::bench {

namespace {

constexpr std::uint32_t kConsumers = 50;
constexpr std::size_t kRecordBytes = 64 * 1024UL - 128;  // A batch each.

// Follows the end of a partition whose batches are all of one size, and looks at nothing but
// lengths: what is measured is the broker.
class Follower {
public:
    Follower(const std::string& address, const engine::PartitionKey& key, std::int64_t from)
            : client_(address), key_(key), next_(from) {
        static_cast<void>(client_.ask(testing::hello_request()));
        ask();
    }

    [[nodiscard]] int descriptor() const { return client_.descriptor(); }

    // Bytes of batches that have come. `batch_bytes`: of one of them.
    std::uint64_t receive(std::vector<std::byte>& space, std::size_t batch_bytes) {
        const auto count = recv(descriptor(), space.data(), space.size(), MSG_DONTWAIT);
        if (count <= 0) return 0;
        engine::Bytes bytes(space.data(), static_cast<std::size_t>(count));
        std::uint64_t payload = 0;
        while (!bytes.empty()) {
            if (head_ < header_.size()) {
                const auto taken = std::min(header_.size() - head_, bytes.size());
                std::copy_n(bytes.begin(), taken, header_.begin() + static_cast<long>(head_));
                head_ += taken;
                bytes = bytes.subspan(taken);
                if (head_ < header_.size()) break;
                begin_answer();
            }
            const auto taken = std::min<std::uint64_t>(left_, bytes.size());
            left_ -= taken;
            bytes = bytes.subspan(taken);
            if (left_ > 0) break;
            payload += payload_;
            next_ += static_cast<std::int64_t>(payload_ / batch_bytes);
            head_ = 0;
            ask();
        }
        return payload;
    }

private:
    void ask() {
        const auto request = testing::fetch_request(
                {{.key = key_, .offset = next_, .bytes_max = 4U << 20}}, {.wait_max_ms = 500});
        if (!client_.write(request)) bench_failed("the broker closed a consumer's connection");
    }

    void begin_answer() {
        const auto header = wire::load_frame_header(header_);
        left_ = header.total_bytes() - wire::kFrameHeaderBytes;
        payload_ = left_ - header.table_bytes;
    }

    testing::RawClient client_;
    engine::PartitionKey key_;
    std::int64_t next_;
    std::array<std::byte, wire::kFrameHeaderBytes> header_{};
    std::size_t head_ = 0;
    std::uint64_t left_ = 0;  // Of the answer.
    std::uint64_t payload_ = 0;
};

void produce_until(BenchBroker& broker, const std::atomic<bool>& stopping) {
    const auto client = broker.client();
    ProducerOptions options;
    options.batch_bytes = 64 * 1024;
    options.in_flight_per_partition = 4;
    options.buffer_bytes = 4U << 20;
    auto producer = require(Producer::open(client, options), "producer");
    const std::string value(kRecordBytes, 'x');
    Record record;
    record.topic = "fan";
    record.partition = 0;
    record.value = value;
    while (!stopping)
        require(producer.send(record, {}), "send");
    require(producer.close(), "close");
}

std::size_t batch_bytes(BenchBroker& broker, const engine::PartitionKey& key) {
    testing::RawClient client(broker.process().address());
    static_cast<void>(client.ask(testing::hello_request()));
    return client.ask(testing::fetch_request({{.key = key, .bytes_max = 1}})).payload.size();
}

struct FanOutRun {
    double bytes_per_second = 0;
    double disk_reads = 0;
};

FanOutRun fan_out_once(const BenchOptions& options) {
    BenchBroker broker(options, {"node.shards=1", "wal.bytes=\"256MiB\""});
    broker.create("fan", 1, {{"durability", "written"}});
    const auto id = require(broker.admin().describe_topic("fan"), "describe").id;
    engine::PartitionKey key;
    key.topic.bytes = id.bytes;
    std::atomic<bool> stopping{false};
    std::thread producer([&] { produce_until(broker, stopping); });
    const auto size = batch_bytes(broker, key);
    const auto end = require(broker.admin().topic_offsets("fan"), "offsets").front().end_offset;
    std::vector<std::unique_ptr<Follower>> followers;
    std::vector<pollfd> entries;
    for (std::uint32_t i = 0; i < kConsumers; ++i) {
        followers.push_back(std::make_unique<Follower>(broker.process().address(), key, end));
        entries.push_back({.fd = followers.back()->descriptor(), .events = POLLIN, .revents = 0});
    }
    std::vector<std::byte> space(1U << 20);
    std::uint64_t bytes = 0;
    const auto start = now();
    while (seconds_since(start) < options.seconds) {
        poll(entries.data(), entries.size(), 1000);
        for (std::size_t i = 0; i < followers.size(); ++i) {
            if (entries[i].revents != 0) bytes += followers[i]->receive(space, size);
        }
    }
    FanOutRun run{.bytes_per_second = static_cast<double>(bytes) / seconds_since(start),
                  .disk_reads = testing::metric(broker.process().ready().http,
                                                "millrace_log_reads_total{source=\"disk\"}")};
    stopping = true;
    producer.join();
    return run;
}

}  // namespace

std::vector<Row> measure_fan_out(const BenchOptions& options) {
    std::vector<double> rates;
    double reads = 0;
    for (int repeat = 0; repeat < options.repeats; ++repeat) {
        const auto run = fan_out_once(options);
        rates.push_back(run.bytes_per_second);
        reads = std::max(reads, run.disk_reads);
    }
    const auto note = fmt::format(
            "written; one producer of 64 KiB batches, {} consumers at the "
            "end of one partition, one connection each",
            kConsumers);
    return {{.id = "fan-out",
             .value = median(rates),
             .unit = "bytes/s out",
             .bound_text = "0.5 raw_tcp",
             .limit = [](const Probes& probes) { return 0.5 * probes.tcp; },
             .note = note},
            {.id = "fan-out-disk",
             .value = reads,
             .unit = "disk reads",
             .at_most = true,
             .bound_text = "0",
             .limit = [](const Probes&) { return 0.0; },
             .note = note}};
}

}  // namespace millrace::bench
