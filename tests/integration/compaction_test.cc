// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Compacted topics, against a real broker: what is taken, what stays, and what the command line
// says of it.
#include "tests/support/broker_fixture.h"
#include "tests/support/metrics_page.h"

#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>

namespace millrace::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr int kUpdates = 100'000;
constexpr int kKeys = 100;

std::string key_of(int number) {
    return "key-" + std::to_string(number % kKeys);
}

std::string value_of(int number) {
    return std::to_string(number) + "-" + std::string(60, 'v');
}

class CompactionTest : public BrokerTest {
protected:
    void create_state(std::vector<std::pair<std::string, std::string>> more = {}) {
        std::vector<std::pair<std::string, std::string>> config{{"cleanup.policy", "compact"},
                                                                {"segment.bytes", "1MiB"}};
        config.insert(config.end(), more.begin(), more.end());
        create("state", 1, config);
    }

    // `updates` records on kKeys keys in turn, from number `first` on.
    void update(int first, int updates, Compression compression = Compression::none) {
        std::vector<std::string> keys;
        std::vector<std::string> values;
        keys.reserve(static_cast<std::size_t>(updates));
        values.reserve(static_cast<std::size_t>(updates));
        std::vector<Record> records;
        for (int number = first; number < first + updates; ++number) {
            keys.push_back(key_of(number));
            values.push_back(value_of(number));
            auto record = record_of("state", values.back());
            record.key = keys.back();
            records.push_back(record);
        }
        ProducerOptions options;
        options.compression = compression;
        options.batch_bytes = 16'000;
        send_all(records, options);
    }

    // Closes the segment that all this lies in: only what lies before it is compacted.
    void close_segment() {
        const std::string value(1'000'000, 'f');
        for (int i = 0; i < 2; ++i) {
            auto record = record_of("state", value);
            record.key = "filler";
            send(record);
        }
    }

    Json compact() {
        const auto result = millrace({"topic", "compact", "state", "--wait", "-o", "json"});
        EXPECT_EQ(result.status, 0) << result.errors;
        return Json::parse(result.output).at(0);
    }

    // All that is in the topic, as a reader that wants the state reads it.
    [[nodiscard]] std::vector<StoredRecord> all() {
        const auto end = admin().topic_offsets("state")->front().end_offset;
        auto consumer = *Consumer::open(client());
        EXPECT_TRUE(consumer.assign_topic("state", Position::start()));
        std::vector<StoredRecord> records;
        while (records.empty() || records.back().offset + 1 < end) {
            const auto polled = consumer.poll(std::chrono::seconds(10));
            EXPECT_TRUE(polled) << polled.error().message;
            if (!polled || polled->empty()) break;
            for (const auto& record : *polled) {
                auto& stored = records.emplace_back();
                stored.offset = record.offset;
                stored.key = record.key.value_or("");
                stored.value = record.value.value_or("(null)");
            }
        }
        return records;
    }

    static std::map<std::string, std::string> state_of(const std::vector<StoredRecord>& records) {
        std::map<std::string, std::string> state;
        for (const auto& record : records)
            state[record.key] = record.value;
        state.erase("filler");
        return state;
    }
};

TEST_F(CompactionTest, KeepsTheLastOfAHundredThousandUpdatesOnAHundredKeys) {
    start();
    create_state();
    update(0, kUpdates / 2);
    update(kUpdates / 2, kUpdates / 2, Compression::lz4);
    close_segment();
    const auto done = compact();
    EXPECT_GT(done.at("segments_before"), 5);
    EXPECT_GE(done.at("records_before"), kUpdates);
    EXPECT_LE(done.at("records_after"), kKeys + 1);
    EXPECT_LT(done.at("bytes_after"), 1'100'000);  // A million of it fills.
    for (const bool killed : {false, true}) {
        if (killed) kill_and_start();
        const auto records = all();
        EXPECT_LE(records.size(), kKeys + 3U);
        const auto state = state_of(records);
        ASSERT_EQ(state.size(), static_cast<std::size_t>(kKeys));
        for (int number = kUpdates - kKeys; number < kUpdates; ++number) {
            EXPECT_EQ(state.at(key_of(number)), value_of(number));
        }
        // Offsets are those that they were acknowledged with.
        for (const auto& record : records) {
            if (record.key == "filler") continue;
            EXPECT_TRUE(record.value.starts_with(std::to_string(record.offset) + "-"));
        }
    }
    EXPECT_EQ(broker().stop(), 0);
    const auto verified = millrace({"segment", "verify", data(), "-o", "json"});
    EXPECT_EQ(verified.status, 0) << verified.output;
}

TEST_F(CompactionTest, TakesAKeyAwayWithATombstoneAndLaterThatToo) {
    start();
    create_state({{"delete.retention.ms", "0"}});
    update(0, 1000);
    Record gone;
    gone.topic = "state";
    gone.key = "key-7";
    send(gone);
    close_segment();
    compact();
    auto state = state_of(all());
    EXPECT_EQ(state.at("key-7"), "(null)");
    EXPECT_EQ(state.size(), static_cast<std::size_t>(kKeys));
    EXPECT_EQ(compact().at("records_after"), kKeys);  // One of them fills.
    state = state_of(all());
    EXPECT_FALSE(state.contains("key-7"));
    EXPECT_EQ(state.size(), static_cast<std::size_t>(kKeys - 1));
    EXPECT_EQ(metric(broker().ready().http, "millrace_compaction_tombstones_removed_total"), 1);
}

TEST_F(CompactionTest, RefusesRecordsWithoutAKeyAndSaysWhich) {
    start();
    create_state();
    for (const auto compression : {Compression::none, Compression::zstd}) {
        ProducerOptions options;
        options.compression = compression;
        options.idempotent = false;
        auto producer = *Producer::open(client(), options);
        auto with = record_of("state", "value");
        with.key = "key";
        std::string message;
        ASSERT_TRUE(producer.send(with, [](const Result<Ack>&) {}));
        ASSERT_TRUE(producer.send(record_of("state", "value"), [&](const Result<Ack>& ack) {
            if (!ack) message = ack.error().message;
        }));
        static_cast<void>(producer.flush());
        EXPECT_THAT(message, HasSubstr("Record 1 (from 0) has no key"));
    }
    EXPECT_EQ(admin().topic_offsets("state")->front().end_offset, 0);
    update(0, 100, Compression::gzip);
    EXPECT_EQ(admin().topic_offsets("state")->front().end_offset, 100);
}

TEST_F(CompactionTest, RefusesToCompactWhatIsNotCompacted) {
    start();
    create("plain", 1);
    const auto plain = millrace({"topic", "compact", "plain", "--wait"});
    EXPECT_NE(plain.status, 0);
    EXPECT_THAT(plain.errors, HasSubstr("cleanup.policy=compact"));
    EXPECT_EQ(millrace({"topic", "compact", "nothing"}).status, 3);
    EXPECT_EQ(millrace({"config", "set", "plain", "cleanup.policy=compact"}).status, 0);
    const auto text = millrace({"topic", "compact", "plain", "--wait"});
    EXPECT_EQ(text.status, 0) << text.errors;
    EXPECT_THAT(text.output, HasSubstr("plain: 0 of 0 records left"));
    EXPECT_EQ(millrace({"topic", "compact", "plain"}).status, 0);
}

}  // namespace
}  // namespace millrace::testing
