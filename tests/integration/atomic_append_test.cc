// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Atomic appends against a real broker: by the command line, and by clients while the broker is
// killed and comes back with another number of shards.
#include "tests/support/broker_fixture.h"

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

namespace millrace::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr std::uint32_t kPartitions = 6;
constexpr int kWriters = 4;

class AtomicAppendTest : public BrokerTest {};

TEST_F(AtomicAppendTest, TheCommandStoresAFileOfLinesInManyPartitionsOrNothing) {
    start({"node.shards=3"});
    create("orders", 4);
    create("payments", 2);
    const auto produce = [&](std::string_view lines) {
        return millrace({"produce", "--atomic", "-", "-o", "json"}, lines);
    };
    const auto done = produce(R"({"topic":"orders","partition":1,"key":"k","value":"a"}
{"topic":"payments","partition":0,"value":"b"}
{"topic":"orders","partition":1,"value":"c"}
{"topic":"orders","partition":3,"key":null,"value":{"base64":"ZA=="}}
)");
    ASSERT_EQ(done.status, 0) << done.errors;
    EXPECT_EQ(Json::parse(done.output), Json::parse(R"({"records":[
        {"line":1,"topic":"orders","partition":1,"offset":0},
        {"line":2,"topic":"payments","partition":0,"offset":0},
        {"line":3,"topic":"orders","partition":1,"offset":1},
        {"line":4,"topic":"orders","partition":3,"offset":0}]})"));
    const auto refused = produce(R"({"topic":"orders","partition":0,"value":"a"}
{"topic":"orders","partition":9,"value":"b"}
)");
    EXPECT_EQ(refused.status, 3) << refused.output;
    EXPECT_THAT(refused.errors, HasSubstr("unknown_partition"));
    const auto nonsense = produce("{\"topic\":\"orders\",\"value\":\"x\"}\n");
    EXPECT_EQ(nonsense.status, 2);
    EXPECT_THAT(nonsense.errors, HasSubstr("Line 1"));
    kill_and_start();
    EXPECT_EQ(read("orders", 3).size(), 3U);
    EXPECT_EQ(read("payments", 1).size(), 1U);
}

// Every writer stores the same number in two to four partitions at once. After each kill a number
// is in all of them or in none, and never lost once it was acknowledged.
TEST_F(AtomicAppendTest, IsAllOrNothingAcrossKills) {
    start({"node.shards=3", "wal.bytes=\"96MiB\""});
    create("numbers", kPartitions, {{"segment.bytes", "65536"}});
    std::atomic<bool> ended{false};
    std::atomic<std::uint64_t> acknowledged{0};
    std::mutex mutex;
    std::set<std::string> acked;
    std::map<std::string, std::size_t> sent;  // In how many partitions.
    std::atomic<int> wrong{0};
    std::vector<std::thread> writers;
    for (int writer = 0; writer < kWriters; ++writer) {
        auto own = Client::connect({.addresses = broker().ready().local}).value();
        writers.emplace_back([&, writer, own] {
            auto producer = Producer::open(own).value();
            for (std::uint32_t number = 0; !ended; ++number) {
                const auto value = std::to_string(writer) + "/" + std::to_string(number);
                std::vector<Record> records;
                for (std::uint32_t i = 0; i < 2 + number % 3; ++i) {
                    auto& record = records.emplace_back(record_of("numbers", value));
                    record.partition =
                            (number * 5 + i + static_cast<std::uint32_t>(writer)) % kPartitions;
                }
                {
                    const std::lock_guard lock(mutex);
                    sent[value] = records.size();
                }
                const auto acks = producer.append_atomic(records);
                if (acks) {
                    ++acknowledged;
                    const std::lock_guard lock(mutex);
                    acked.insert(value);
                } else if (!acks.error().retryable()) {
                    ++wrong;
                }
            }
        });
    }
    for (int kills = 0; kills < 4; ++kills) {
        const auto enough = acknowledged + 150;
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
        while (acknowledged < enough && std::chrono::steady_clock::now() < deadline)
            std::this_thread::yield();
        EXPECT_GE(acknowledged, enough) << broker().log();
        kill_and_start();
    }
    ended = true;
    for (auto& writer : writers)
        writer.join();
    EXPECT_EQ(wrong, 0);
    kill_and_start();
    std::map<std::string, std::size_t> stored;
    std::uint64_t total = 0;
    const auto ends = admin().topic_offsets("numbers").value();
    for (const auto& offsets : ends)
        total += static_cast<std::uint64_t>(offsets.end_offset);
    for (const auto& record : read("numbers", total))
        ++stored[record.value];
    for (const auto& [value, partitions] : stored)
        EXPECT_EQ(partitions, sent.at(value)) << value;
    for (const auto& value : acked)
        EXPECT_TRUE(stored.contains(value)) << value;
    EXPECT_GT(acked.size(), 500U);
}

}  // namespace
}  // namespace millrace::testing
