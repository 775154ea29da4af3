// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One idempotent producer that outlives a broker which is killed under it again and again: every
// record is stored exactly once, in order.
#include "millrace/admin.h"
#include "millrace/consumer.h"
#include "millrace/producer.h"
#include "tests/support/broker_process.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <optional>
#include <thread>

namespace millrace::testing {
namespace {

constexpr std::uint32_t kPartitions = 4;
constexpr std::uint64_t kAcksBetweenKills = 10'000;

// A few in every run of the tests; more with MILLRACE_KILL_CYCLES.
int kill_count() {
    const char* count = std::getenv("MILLRACE_KILL_CYCLES");
    return count != nullptr ? std::atoi(count) : 6;
}

// Sends numbers, the n-th to partition n mod kPartitions, until it is told to end.
class NumberStream {
public:
    NumberStream(const Client& client, const ProducerOptions& options)
            : producer_(Producer::open(client, options).value()), thread_([this] { run(); }) {}

    ~NumberStream() {
        ended_ = true;
        static_cast<void>(producer_.close(std::chrono::milliseconds(0)));
        if (thread_.joinable()) thread_.join();
    }

    NumberStream(const NumberStream&) = delete;
    NumberStream& operator=(const NumberStream&) = delete;

    [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }

    [[nodiscard]] std::uint64_t failed() const { return failed_; }

    // Waits for the last acknowledgement. How many were sent.
    std::uint64_t end() {
        ended_ = true;
        if (thread_.joinable()) thread_.join();
        static_cast<void>(producer_.close(std::chrono::minutes(2)));
        return sent_;
    }

    [[nodiscard]] ProducerStatistics statistics() const { return producer_.statistics(); }

private:
    void run() {
        while (!ended_) {
            const auto value = std::to_string(sent_);
            Record record;
            record.topic = "numbers";
            record.value = value;
            record.partition = static_cast<std::uint32_t>(sent_ % kPartitions);
            const auto taken = producer_.send(
                    record, [this](const Result<Ack>& ack) { ++(ack ? acknowledged_ : failed_); });
            if (taken) ++sent_;
        }
    }

    Producer producer_;
    std::atomic<bool> ended_{false};
    std::atomic<std::uint64_t> acknowledged_{0};
    std::atomic<std::uint64_t> failed_{0};
    std::uint64_t sent_ = 0;  // The thread's until it has ended.
    std::thread thread_;
};

class ExactlyOnce : public ::testing::Test {
protected:
    void start(unsigned shards) {
        broker_.emplace(BrokerOptions{
                .data_directory = directory_.path(),
                .settings = {"node.shards=" + std::to_string(shards), "wal.bytes=\"96MiB\""},
                .arguments = {}});
    }

    // At the same address in every life of the broker.
    Client connect() { return Client::connect({.addresses = broker_->ready().local}).value(); }

    void create_topic(const Client& client) {
        auto admin = Admin::open(client).value();
        NewTopic topic{.name = "numbers", .partitions = kPartitions, .config = {}};
        topic.config.emplace_back("segment.bytes", "262144");
        ASSERT_TRUE(admin.create_topic(topic));
    }

    // What each partition holds, in order.
    std::map<std::uint32_t, std::vector<std::uint64_t>> read(const Client& client,
                                                             std::uint64_t count) {
        auto consumer = Consumer::open(client).value();
        EXPECT_TRUE(consumer.assign_topic("numbers"));
        std::map<std::uint32_t, std::vector<std::uint64_t>> found;
        std::uint64_t total = 0;
        // Somewhat beyond what should be there: a duplicate stands at the end, too.
        for (bool more = true; more;) {
            const auto records = consumer.poll(total < count ? std::chrono::seconds(10)
                                                             : std::chrono::seconds(1));
            more = records && !records->empty();
            if (!more) break;
            for (const auto& record : *records)
                found[record.partition].push_back(std::stoull(std::string(*record.value)));
            total += records->size();
        }
        return found;
    }

    void run(const ProducerOptions& options) {
        constexpr unsigned kShards[] = {2, 1, 3};
        start(kShards[0]);
        auto client = connect();
        create_topic(client);
        NumberStream stream(client, options);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
        for (int kills = 0; kills < kill_count(); ++kills) {
            const auto enough = stream.acknowledged() + kAcksBetweenKills;
            while (stream.acknowledged() < enough && stream.failed() == 0) {
                ASSERT_LT(std::chrono::steady_clock::now(), deadline) << broker_->log();
                std::this_thread::yield();
            }
            broker_->kill();
            start(kShards[static_cast<std::size_t>(kills + 1) % std::size(kShards)]);
        }
        const auto sent = stream.end();
        EXPECT_EQ(stream.failed(), 0U);
        EXPECT_EQ(stream.acknowledged(), sent);
        EXPECT_GT(stream.statistics().retries, 0U);
        const auto found = read(client, sent);
        for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
            const auto numbers =
                    found.contains(partition) ? found.at(partition) : std::vector<std::uint64_t>();
            ASSERT_EQ(numbers.size(), (sent - partition + kPartitions - 1) / kPartitions);
            for (std::size_t i = 0; i < numbers.size(); ++i)
                ASSERT_EQ(numbers[i], i * kPartitions + partition);
        }
        EXPECT_EQ(broker_->stop(), 0) << broker_->log();
    }

private:
    DataDirectory directory_;
    std::optional<BrokerProcess> broker_;
};

ProducerOptions patient() {
    ProducerOptions options;
    options.delivery_timeout = std::chrono::minutes(4);
    options.batch_bytes = 2048;
    options.buffer_bytes = 512U << 10;
    return options;
}

TEST_F(ExactlyOnce, StoresWhatOneProducerSendsAcrossKills) {
    run(patient());
}

TEST_F(ExactlyOnce, StoresItWithFiveBatchesOfAPartitionOnTheirWay) {
    auto options = patient();
    options.in_flight_per_partition = 5;
    run(options);
}

}  // namespace
}  // namespace millrace::testing
