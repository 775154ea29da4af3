// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Many writers that expect the same offset, against a real broker: exactly one wins, every time, in
// every class, also when the broker is killed under them.
#include "tests/support/broker_fixture.h"

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

namespace millrace::testing {
namespace {

using ::testing::HasSubstr;

constexpr int kWriters = 8;

class ConditionalAppendTest : public BrokerTest {
protected:
    // Every writer takes the next offset as often as it can, until `offsets` are taken, while the
    // broker is killed so many times. Who won each, in the order of offsets.
    std::vector<std::string> contend(const std::string& topic,
                                     std::int64_t offsets,
                                     int kills = 0) {
        std::vector<std::thread> writers;
        for (int writer = 0; writer < kWriters; ++writer) {
            // The Unix socket's address stays when the broker is killed.
            auto own = Client::connect({.addresses = broker().ready().local}).value();
            writers.emplace_back([this, &topic, offsets, writer, own] {
                write(Producer::open(own).value(), topic, offsets, std::to_string(writer));
            });
        }
        for (int killed = 0; killed < kills; ++killed) {
            const auto enough = std::min(offsets - 1, next_ + offsets / (kills + 1));
            while (next_ < enough)
                std::this_thread::yield();
            kill_and_start();
        }
        for (auto& writer : writers)
            writer.join();
        EXPECT_EQ(wrong_, 0);
        std::vector<std::string> values;
        for (const auto& [offset, value] : won_) {
            EXPECT_EQ(offset, static_cast<std::int64_t>(values.size()));
            values.push_back(value);
        }
        next_ = 0;
        won_.clear();
        return values;
    }

    void expect_stored(const std::string& topic, const std::vector<std::string>& values) {
        const auto records = read(topic, values.size());
        ASSERT_EQ(records.size(), values.size());
        for (std::size_t i = 0; i < values.size(); ++i)
            EXPECT_EQ(records[i].value, values[i]) << i;
    }

private:
    void write(Producer producer,
               const std::string& topic,
               std::int64_t offsets,
               const std::string& name) {
        for (int attempt = 0; next_ < offsets; ++attempt) {
            const auto expected = next_.load();
            const auto value = name + "/" + std::to_string(attempt);
            const auto ack = producer.append_at(topic, 0, expected, {record_of(topic, value)});
            if (!ack) {
                if (ack.error().code != ErrorCode::unexpected_offset) ++wrong_;
                continue;
            }
            const std::lock_guard lock(mutex_);
            if (!won_.emplace(expected, value).second || ack->offset != expected) ++wrong_;
            next_ = std::max<std::int64_t>(next_, expected + 1);
        }
    }

    std::atomic<std::int64_t> next_{0};
    std::atomic<int> wrong_{0};
    std::mutex mutex_;
    std::map<std::int64_t, std::string> won_;
};

TEST_F(ConditionalAppendTest, OfManyWritersExactlyOneWinsEachOffsetInEveryClass) {
    start();
    for (const std::string durability : {"synced", "written", "memory"}) {
        create(durability, 1, {{"durability", durability}});
        expect_stored(durability, contend(durability, 40));
    }
}

// A writer whose answer was lost learns after the kill whether it had won: never two, never none.
TEST_F(ConditionalAppendTest, OneWinsEachOffsetThoughTheBrokerIsKilled) {
    start();
    create("orders", 1);
    expect_stored("orders", contend("orders", 100, 4));
}

TEST_F(ConditionalAppendTest, TheCommandStoresItsInputAsOneBatchOrEndsWithSeven) {
    start();
    create("orders", 2);
    const auto produce = [&](const std::string& offset, std::string_view input) {
        return millrace({"produce", "orders", "-p", "1", "--expect-offset", offset, "-o", "jsonl"},
                        input);
    };
    auto done = produce("0", "a\nb\n");
    EXPECT_EQ(done.status, 0) << done.errors;
    EXPECT_EQ(done.output,
              "{\"line\":1,\"partition\":1,\"offset\":0}\n"
              "{\"line\":2,\"partition\":1,\"offset\":1}\n");
    done = produce("1", "late\n");
    EXPECT_EQ(done.status, 7);
    EXPECT_EQ(done.output, "");
    EXPECT_THAT(done.errors, HasSubstr("unexpected_offset"));
    EXPECT_THAT(done.errors, HasSubstr("ends at offset 2, not at 1"));
    EXPECT_EQ(produce("2", "c\n").status, 0);
    EXPECT_EQ(read("orders", 3).size(), 3U);
    done = millrace({"produce", "orders", "--expect-offset", "3"}, "x\n");
    EXPECT_EQ(done.status, 2) << done.errors;
    done = millrace({"produce", "orders", "-p", "1", "--expect-offset", "3", "--acks", "0"}, "x\n");
    EXPECT_EQ(done.status, 2) << done.errors;
}

TEST_F(ConditionalAppendTest, TheCommandSendsALargeInputAsBatchesThatFollowEachOther) {
    start();
    create("orders", 1);
    std::string input;
    for (int line = 0; line < 2000; ++line)
        input += std::to_string(line) + std::string(1000, 'x') + "\n";
    const auto done = millrace(
            {"produce", "orders", "-p", "0", "--expect-offset", "0", "-o", "jsonl"}, input);
    EXPECT_EQ(done.status, 0) << done.errors;
    const auto records = read("orders", 2000);
    ASSERT_EQ(records.size(), 2000U);
    for (std::size_t line = 0; line < records.size(); ++line)
        EXPECT_TRUE(records[line].value.starts_with(std::to_string(line) + "x")) << line;
}

}  // namespace
}  // namespace millrace::testing
