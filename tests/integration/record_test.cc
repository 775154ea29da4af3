// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Records in and out of a real broker: nothing changes on the way, and every position is found.
#include "tests/support/broker_fixture.h"

#include <gmock/gmock.h>

#include <fstream>

namespace millrace::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

class Records : public BrokerTest {};

TEST_F(Records, ComeBackWithKeyHeadersAndTimestamp) {
    start();
    create("orders", 1);
    auto record = record_of("orders", std::string_view("v\0\xff", 3));
    record.key = "k";
    record.timestamp_ms = 1'700'000'000'123;
    record.headers = {{"h", "1"}, {"h", "2"}, {"empty", ""}};
    send(record);
    const auto back = read("orders", 1);
    ASSERT_EQ(back.size(), 1U);
    EXPECT_EQ(back[0].key, "k");
    EXPECT_EQ(back[0].value, std::string("v\0\xff", 3));
    EXPECT_EQ(back[0].timestamp_ms, 1'700'000'000'123);
    EXPECT_THAT(back[0].headers, ElementsAre(Pair("h", "1"), Pair("h", "2"), Pair("empty", "")));
}

TEST_F(Records, OfALogAppendTimeTopicAreStampedByTheBroker) {
    start();
    create("orders", 1, {{"message.timestamp.type", "LogAppendTime"}});
    auto record = record_of("orders", "v");
    record.timestamp_ms = 1000;
    send(record);
    const auto back = read("orders", 1);
    ASSERT_EQ(back.size(), 1U);
    EXPECT_GT(back[0].timestamp_ms, 1'700'000'000'000);
}

TEST_F(Records, StayCompressedOnDiskAndReadTheSame) {
    start();
    const std::pair<Compression, const char*> codecs[] = {{Compression::gzip, "gzip"},
                                                          {Compression::snappy, "snappy"},
                                                          {Compression::lz4, "lz4"},
                                                          {Compression::zstd, "zstd"}};
    const std::string value(100'000, 'z');
    for (const auto& [codec, topic] : codecs) {
        create(topic, 1);
        ProducerOptions options;
        options.compression = codec;
        send(record_of(topic, value), options);
        const auto back = read(topic, 1);
        ASSERT_EQ(back.size(), 1U) << topic;
        EXPECT_EQ(back[0].value, value) << topic;
        const auto offsets = admin().topic_offsets(topic);
        ASSERT_TRUE(offsets) << offsets.error().message;
        EXPECT_LT(offsets->front().size_bytes, 20'000U) << topic;
    }
}

TEST_F(Records, AreFoundByOffsetTimeAndFromEitherEnd) {
    start();
    create("orders", 1, {{"segment.bytes", "65536"}});
    std::vector<std::string> values;
    for (int i = 0; i < 1000; ++i)
        values.push_back(std::to_string(i) + std::string(300, '.'));
    std::vector<Record> records;
    for (std::size_t i = 0; i < values.size(); ++i) {
        records.push_back(record_of("orders", values[i]));
        records.back().timestamp_ms = 1'700'000'000'000 + static_cast<std::int64_t>(i) * 10;
    }
    ProducerOptions options;
    options.batch_bytes = 4096;
    send_all(records, options);
    const auto first_at = [&](Position from) {
        const auto found = read("orders", 1, from);
        return found.empty() ? -1 : found.front().offset;
    };
    for (const bool flushed : {false, true}) {
        if (flushed) restart();
        SCOPED_TRACE(flushed ? "from segment files" : "from memory");
        EXPECT_EQ(first_at(Position::start()), 0);
        EXPECT_EQ(first_at(Position::at(437)), 437);
        EXPECT_EQ(first_at(Position::before_end(10)), 990);
        EXPECT_EQ(first_at(Position::at_time(1'700'000'000'000 + 5550)), 555);
        EXPECT_EQ(first_at(Position::at_time(1'700'000'000'000 + 5551)), 556);
        const auto all = read("orders", values.size());
        ASSERT_EQ(all.size(), values.size());
        for (std::size_t i = 0; i < all.size(); ++i)
            ASSERT_EQ(all[i].value, values[i]);
    }
}

TEST_F(Records, OutsideTheLogAreAnErrorThatSaysSo) {
    start();
    create("orders", 1);
    send(record_of("orders", "x"));
    auto consumer = Consumer::open(client());
    ASSERT_TRUE(consumer);
    ASSERT_TRUE(consumer->assign({{{"orders", 0}, Position::at(100)}}));
    const auto polled = consumer->poll(std::chrono::seconds(10));
    ASSERT_FALSE(polled);
    EXPECT_EQ(polled.error().code, ErrorCode::offset_out_of_range);
}

TEST_F(Records, WithADamagedByteOnDiskAreNeverServed) {
    start();
    create("orders", 1);
    const std::string value(1000, 'a');
    for (int i = 0; i < 20; ++i)
        send(record_of("orders", value));
    ASSERT_EQ(broker().stop(), 0);
    const auto segments = files("/topics/orders-0/00000000000000000000.log");
    ASSERT_EQ(segments.size(), 1U);
    {
        std::fstream file(segments.front(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(10'500);
        file.put('b');
    }
    start();
    auto consumer = Consumer::open(client());
    ASSERT_TRUE(consumer);
    ASSERT_TRUE(consumer->assign_topic("orders"));
    ErrorCode error = ErrorCode::none;
    std::int64_t good = 0;
    while (error == ErrorCode::none && good < 20) {
        const auto polled = consumer->poll(std::chrono::seconds(10));
        if (!polled) {
            error = polled.error().code;
            break;
        }
        for (const auto& record : *polled) {
            EXPECT_EQ(record.value, value);
            ++good;
        }
    }
    EXPECT_EQ(error, ErrorCode::damaged_range);
    EXPECT_LT(good, 20);
    const auto beyond = read("orders", 1, Position::at(15));
    ASSERT_FALSE(beyond.empty());
    EXPECT_EQ(beyond.front().offset, 15);
}

TEST_F(Records, OfManyBatchesNeedFewRequests) {
    start();
    create("orders", 3);
    ProducerOptions options;
    options.linger = std::chrono::milliseconds(5);
    auto producer = Producer::open(client(), options);
    ASSERT_TRUE(producer);
    const std::string value(1024, 'v');
    constexpr std::uint64_t kRecords = 10'000;
    for (std::uint64_t i = 0; i < kRecords; ++i) {
        ASSERT_TRUE(producer->send(record_of("orders", value), [](const Result<Ack>&) {}));
    }
    ASSERT_TRUE(producer->flush());
    const auto statistics = producer->statistics();
    EXPECT_EQ(statistics.records_acknowledged, kRecords);
    EXPECT_LT(statistics.requests, kRecords / 50);
}

TEST_F(Records, OfEveryClassSurviveWhatTheClassSays) {
    start();
    for (const std::string durability : {"memory", "written", "synced"}) {
        create(durability, 1, {{"durability", durability}});
        EXPECT_EQ(send(record_of(durability, "x")), 0);
        EXPECT_EQ(read(durability, 1).size(), 1U);
    }
    kill_and_start();
    EXPECT_EQ(read("written", 1).size(), 1U);
    EXPECT_EQ(read("synced", 1).size(), 1U);
}

}  // namespace
}  // namespace millrace::testing
