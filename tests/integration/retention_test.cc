// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Records that go, against a real broker: below an offset, by age, by size.
#include "tests/support/broker_fixture.h"
#include "tests/support/metrics_page.h"

#include <gmock/gmock.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <poll.h>

namespace millrace::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr std::int64_t kHourMs = 3'600'000;

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
}

class RetentionTest : public BrokerTest {
protected:
    // Each a batch of its own; three of them fill a segment of 4096 bytes.
    void send_old(const std::string& topic, int count, std::int64_t age_ms = kHourMs) {
        const std::string value(1200, 'x');
        for (int i = 0; i < count; ++i) {
            auto record = record_of(topic, value);
            record.timestamp_ms = now_ms() - age_ms;
            record.partition = 0;
            send(record);
        }
    }

    [[nodiscard]] PartitionOffsets offsets(const std::string& topic) const {
        const auto rows = admin().topic_offsets(topic);
        EXPECT_TRUE(rows) << rows.error().message;
        return rows ? rows->front() : PartitionOffsets{};
    }

    [[nodiscard]] Json document(std::vector<std::string> arguments) const {
        arguments.insert(arguments.end(), {"-o", "json"});
        const auto result = millrace(arguments);
        EXPECT_EQ(result.status, 0) << result.errors;
        return Json::parse(result.output);
    }

    // What goes in the background is gone soon.
    void await_files(const std::string& folder, std::size_t count) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (logs_in(folder) != count && std::chrono::steady_clock::now() < deadline)
            poll(nullptr, 0, 20);
        EXPECT_EQ(logs_in(folder), count);
    }

private:
    [[nodiscard]] std::size_t logs_in(const std::string& folder) const {
        std::size_t count = 0;
        for (const auto& file : files(".log"))
            count += file.parent_path().filename() == folder ? 1U : 0U;
        return count;
    }
};

TEST_F(RetentionTest, TruncatedStartsWhereItWasToldAlsoAfterAKill) {
    start();
    create("orders", 1, {{"segment.bytes", "4096"}});
    send_old("orders", 12);
    restart();  // Its records lie in segment files now.
    await_files("orders-0", 4);
    const auto truncated = document({"topic", "truncate", "orders", "-p", "0", "--before", "7"});
    EXPECT_EQ(truncated.at("partition"), 0);
    EXPECT_EQ(truncated.at("start_offset"), 7);
    EXPECT_EQ(truncated.at("segments_deleted"), 2);
    EXPECT_GT(truncated.at("bytes_deleted"), 7000);
    kill_and_start();
    EXPECT_EQ(offsets("orders").start_offset, 7);
    EXPECT_EQ(offsets("orders").end_offset, 12);
    await_files("orders-0", 2);
    const auto records = read("orders", 5);
    ASSERT_EQ(records.size(), 5U);
    EXPECT_EQ(records.front().offset, 7);
    EXPECT_EQ(send(record_of("orders", "more")), 12);
    restart();
    EXPECT_EQ(offsets("orders").start_offset, 7);
    EXPECT_EQ(read("orders", 6).size(), 6U);
}

TEST_F(RetentionTest, TruncatedToItsEndIsEmptyAndGoesOn) {
    start();
    create("orders", 1, {{"segment.bytes", "4096"}});
    send_old("orders", 12);
    const auto text = millrace({"topic", "truncate", "orders", "-p", "0", "--before", "end"});
    EXPECT_THAT(text.output, HasSubstr("starts at 12 now"));
    EXPECT_EQ(offsets("orders").start_offset, 12);
    kill_and_start();
    EXPECT_EQ(offsets("orders").start_offset, 12);
    EXPECT_EQ(send(record_of("orders", "new")), 12);
    restart();
    await_files("orders-0", 1);
    const auto records = read("orders", 1);
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records.front().value, "new");
}

TEST_F(RetentionTest, RefusesWhatCannotBeTruncatedAndChangesNothing) {
    start();
    create("orders", 1);
    send_old("orders", 3);
    const auto beyond = millrace({"topic", "truncate", "orders", "-p", "0", "--before", "4"});
    EXPECT_NE(beyond.status, 0);
    EXPECT_EQ(millrace({"topic", "truncate", "orders", "-p", "1", "--before", "1"}).status, 3);
    EXPECT_EQ(millrace({"topic", "truncate", "nothing", "-p", "0", "--before", "1"}).status, 3);
    EXPECT_EQ(millrace({"topic", "truncate", "orders", "-p", "0", "--before", "x"}).status, 2);
    EXPECT_EQ(millrace({"topic", "truncate", "orders", "--before", "1"}).status, 2);
    EXPECT_EQ(millrace({"topic", "expire", "nothing"}).status, 3);
    EXPECT_EQ(offsets("orders").start_offset, 0);
    EXPECT_EQ(read("orders", 3).size(), 3U);
}

TEST_F(RetentionTest, ExpiresWhatIsTooOldWhenTheSettingChangesWhileItLives) {
    start();
    create("orders", 1, {{"segment.bytes", "4096"}});
    send_old("orders", 6);
    send_old("orders", 3, 0);
    restart();
    auto expired = document({"topic", "expire", "orders"});
    EXPECT_EQ(expired.at(0).at("segments_deleted"), 0);
    EXPECT_EQ(millrace({"config", "set", "orders", "retention.ms=10m"}).status, 0);
    expired = document({"topic", "expire", "orders"});
    EXPECT_EQ(expired.at(0).at("segments_deleted"), 2);
    EXPECT_EQ(expired.at(0).at("start_offset"), 6);
    kill_and_start();
    EXPECT_EQ(offsets("orders").start_offset, 6);
    EXPECT_EQ(read("orders", 3).front().offset, 6);
}

TEST_F(RetentionTest, ExpiresAllOfATopicThatIsOldAsAWhole) {
    start();
    create("orders", 1, {{"retention.ms", "60000"}});
    send_old("orders", 5);
    const auto text = millrace({"topic", "expire", "orders"});
    EXPECT_EQ(text.status, 0) << text.errors;
    EXPECT_THAT(text.output, HasSubstr("orders: 1 segment with"));
    EXPECT_EQ(offsets("orders").start_offset, 5);
    kill_and_start();
    EXPECT_EQ(offsets("orders").start_offset, 5);
    EXPECT_EQ(send(record_of("orders", "new")), 5);
}

TEST_F(RetentionTest, KeepsRetentionBytesAndCountsWhatItDeletes) {
    start();
    create("orders", 1, {{"segment.bytes", "4096"}});
    send_old("orders", 30, 0);
    restart();
    EXPECT_EQ(millrace({"config", "set", "orders", "retention.bytes=16KiB"}).status, 0);
    const auto expired = document({"topic", "expire", "orders"});
    EXPECT_GE(expired.at(0).at("segments_deleted"), 5);
    EXPECT_GE(offsets("orders").size_bytes, 16U << 10U);
    EXPECT_LT(offsets("orders").size_bytes, (16U << 10U) + 4096);
    await_files("orders-0", 10 - expired.at(0).at("segments_deleted").get<std::size_t>());
    EXPECT_EQ(metric(broker().ready().http, "millrace_log_segments_deleted_total"),
              expired.at(0).at("segments_deleted").get<double>());
    EXPECT_EQ(metric(broker().ready().http, "millrace_log_deleted_bytes_total"),
              expired.at(0).at("bytes_deleted").get<double>());
}

}  // namespace
}  // namespace millrace::testing
