// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A consumer against a broker that the test scripts.
#include "millrace/consumer.h"

#include "core/bytes.h"
#include "engine/format/batch_builder.h"
#include "tests/clients/cpp/support/fake_broker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;

constexpr auto kLong = 20s;

class ConsumerTest : public ::testing::Test {
protected:
    void SetUp() override {
        broker_.change([](FakeTopics& topics) { topics.create("t", 2); });
    }

    Consumer open(const ConsumerOptions& options = {}) {
        ClientOptions client_options;
        client_options.addresses = broker_.address();
        client_options.reconnect_delay_min = 1ms;
        auto client = Client::connect(client_options);
        EXPECT_TRUE(client);
        auto consumer = Consumer::open(*client, options);
        EXPECT_TRUE(consumer);
        return *std::move(consumer);
    }

    static std::vector<std::byte> batch(const std::vector<std::string>& values,
                                        engine::Codec codec = engine::Codec::none) {
        engine::BatchBuilder builder;
        for (const auto& value : values) {
            builder.append({.timestamp = 1000,
                            .key = std::nullopt,
                            .value = detail::bytes_of(value),
                            .headers = {}});
        }
        const auto bytes = builder.finish(codec);
        return {bytes->begin(), bytes->end()};
    }

    void store(const std::vector<std::string>& values,
               std::uint32_t partition = 0,
               engine::Codec codec = engine::Codec::none) {
        broker_.change([&](FakeTopics& topics) {
            topics.partition("t", partition).append(batch(values, codec));
        });
    }

    static std::vector<std::string> values(const Result<Records>& records) {
        if (!records) return {"error: " + records.error().message};
        std::vector<std::string> result;
        for (const auto& record : *records)
            result.emplace_back(*record.value);
        return result;
    }

    static std::vector<std::string> read(Consumer& consumer, std::size_t count) {
        std::vector<std::string> all;
        while (all.size() < count) {
            const auto some = values(consumer.poll(kLong));
            if (some.empty()) break;
            all.insert(all.end(), some.begin(), some.end());
        }
        return all;
    }

    using Values = std::vector<std::string>;

    FakeBroker broker_;
};

TEST_F(ConsumerTest, GetsWhatIsThereAndWhatComes) {
    store({"a", "b"});
    auto consumer = open();
    ASSERT_TRUE(consumer.assign_topic("t"));
    EXPECT_EQ(read(consumer, 2), (Values{"a", "b"}));
    store({"c"}, 1);
    EXPECT_EQ(read(consumer, 1), (Values{"c"}));
    EXPECT_EQ(*consumer.position({"t", 0}), 2);
    EXPECT_EQ(*consumer.position({"t", 1}), 1);
    EXPECT_EQ(*consumer.high_watermark({"t", 0}), 2);
}

TEST_F(ConsumerTest, StartsAtTheOffsetInsideABatch) {
    store({"0", "1", "2", "3"});
    for (const auto codec : {engine::Codec::none, engine::Codec::zstd}) {
        store({"4", "5"}, 0, codec);
    }
    auto consumer = open();
    ASSERT_TRUE(consumer.assign({{{"t", 0}, Position::at(2)}}));
    EXPECT_EQ(read(consumer, 6), (Values{"2", "3", "4", "5", "4", "5"}));
}

TEST_F(ConsumerTest, FindsStartEndTimeAndPlacesBeforeTheEnd) {
    store({"0", "1", "2"});
    auto consumer = open();
    const TopicPartition partition{"t", 0};
    const auto position_of = [&](Position from) {
        EXPECT_TRUE(consumer.assign({{partition, from}}));
        return *consumer.position(partition);
    };
    EXPECT_EQ(position_of(Position::start()), 0);
    EXPECT_EQ(position_of(Position::end()), 3);
    EXPECT_EQ(position_of(Position::before_end(2)), 1);
    EXPECT_EQ(position_of(Position::before_end(100)), 0);
    EXPECT_EQ(position_of(Position::at_time(1000)), 0);
    EXPECT_EQ(position_of(Position::at_time(1001)), 3) << "nothing that late: the end";
    ASSERT_TRUE(consumer.seek(partition, Position::at(2)));
    EXPECT_EQ(read(consumer, 1), (Values{"2"}));
}

TEST_F(ConsumerTest, SeeksAwayFromAFetchThatWaits) {
    store({"a"});
    ConsumerOptions options;
    options.fetch_wait_max = std::chrono::hours(1);
    auto consumer = open(options);
    ASSERT_TRUE(consumer.assign({{{"t", 0}, Position::end()}}));
    const auto nothing = consumer.poll(20ms);
    ASSERT_TRUE(nothing);
    EXPECT_TRUE(nothing->empty());
    ASSERT_TRUE(consumer.seek({"t", 0}, Position::start()));
    EXPECT_EQ(read(consumer, 1), (Values{"a"}));
}

TEST_F(ConsumerTest, RecordsOutliveThePollsAfterThemAndTheConsumer) {
    for (int i = 0; i < 10; ++i)
        store({"value " + std::to_string(i)},
              0,
              i % 2 == 0 ? engine::Codec::none : engine::Codec::lz4);
    ConsumerOptions options;
    options.poll_records_max = 1;
    std::vector<Records> kept;
    {
        auto consumer = open(options);
        ASSERT_TRUE(consumer.assign_topic("t"));
        while (kept.size() < 10) {
            auto records = consumer.poll(kLong);
            ASSERT_TRUE(records);
            ASSERT_EQ(records->size(), 1U);
            kept.push_back(*records);
        }
    }
    for (std::size_t i = 0; i < kept.size(); ++i) {
        EXPECT_EQ(kept[i][0].value, "value " + std::to_string(i));
        EXPECT_EQ(kept[i][0].topic, "t");
        EXPECT_EQ(kept[i][0].offset, static_cast<std::int64_t>(i));
    }
}

TEST_F(ConsumerTest, SaysACorruptBatchAfterTheGoodOnesAndGoesOnBehindIt) {
    store({"good"});
    store({"bad"});
    store({"beyond"});
    broker_.change(
            [](FakeTopics& topics) { topics.partition("t", 0).batches[1].back() ^= std::byte{1}; });
    auto consumer = open();
    ASSERT_TRUE(consumer.assign({{{"t", 0}, Position::start()}}));
    EXPECT_EQ(values(consumer.poll(kLong)), (Values{"good"}));
    for (int i = 0; i < 2; ++i) {
        const auto failed = consumer.poll(i == 0 ? kLong : 10ms);
        ASSERT_FALSE(failed);
        EXPECT_EQ(failed.error().code, ErrorCode::corrupt_batch);
        EXPECT_NE(failed.error().message.find("t-0"), std::string::npos);
        EXPECT_NE(failed.error().message.find("offset 1"), std::string::npos);
    }
    EXPECT_EQ(*consumer.position({"t", 0}), 1) << "the position stays";
    ASSERT_TRUE(consumer.seek({"t", 0}, Position::at(2)));
    EXPECT_EQ(values(consumer.poll(kLong)), (Values{"beyond"}));
}

TEST_F(ConsumerTest, DoesNotLetOnePartitionsErrorStopAnother) {
    store({"bad"}, 0);
    broker_.change([](FakeTopics& topics) {
        topics.partition("t", 0).fetch_error = wire::ErrorCode::damaged_range;
    });
    auto consumer = open();
    ASSERT_TRUE(consumer.assign_topic("t"));
    const auto failed = consumer.poll(kLong);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::damaged_range);
    store({"good"}, 1);
    EXPECT_EQ(values(consumer.poll(kLong)), (Values{"good"}));
}

TEST_F(ConsumerTest, TreatsAnOffsetOutsideTheLogAsToldTo) {
    store({"0", "1", "2"});
    for (const auto policy : {OnOutOfRange::fail, OnOutOfRange::start, OnOutOfRange::end}) {
        ConsumerOptions options;
        options.on_out_of_range = policy;
        auto consumer = open(options);
        ASSERT_TRUE(consumer.assign({{{"t", 0}, Position::at(100)}}));
        if (policy == OnOutOfRange::fail) {
            const auto failed = consumer.poll(kLong);
            ASSERT_FALSE(failed);
            EXPECT_EQ(failed.error().code, ErrorCode::offset_out_of_range);
        } else if (policy == OnOutOfRange::start) {
            EXPECT_EQ(read(consumer, 3), (Values{"0", "1", "2"}));
        } else {
            const auto nothing = consumer.poll(100ms);
            ASSERT_TRUE(nothing);
            EXPECT_EQ(*consumer.position({"t", 0}), 3);
        }
    }
}

TEST_F(ConsumerTest, GoesOnAfterTheBrokerForgotItAndAfterALostConnection) {
    store({"a"});
    auto consumer = open();
    ASSERT_TRUE(consumer.assign_topic("t"));
    EXPECT_EQ(read(consumer, 1), (Values{"a"}));
    broker_.change([](FakeTopics& topics) {
        topics.forget_sessions();
        topics.partition("t", 0).end += 0;
    });
    store({"b"});
    EXPECT_EQ(read(consumer, 1), (Values{"b"}));
    broker_.drop_connections();
    store({"c"});
    EXPECT_EQ(read(consumer, 1), (Values{"c"}));
}

TEST_F(ConsumerTest, ReadsOnlyWhatItsMemoryAllowsAndAllInTheEnd) {
    ConsumerOptions options;
    options.prefetch_bytes = 4000;
    options.partition_bytes_max = 1000;
    options.poll_records_max = 3;
    Values expected;
    for (int i = 0; i < 100; ++i) {
        expected.push_back(std::to_string(i) + std::string(200, '.'));
        store({expected.back()});
    }
    auto consumer = open(options);
    ASSERT_TRUE(consumer.assign({{{"t", 0}, Position::start()}}));
    EXPECT_EQ(values(consumer.poll(kLong)).size(), 3U);
    EXPECT_LT(broker_.requests(wire::Api::fetch), 10U);
    auto rest = read(consumer, 97);
    expected.erase(expected.begin(), expected.begin() + 3);
    EXPECT_EQ(rest, expected);
}

TEST_F(ConsumerTest, GivesTheRoomOfAPartitionThatFailsToTheOthers) {
    for (int i = 0; i < 20; ++i)
        store({std::string(500, 'x')});
    broker_.change(
            [](FakeTopics& topics) { topics.partition("t", 0).batches[0].back() ^= std::byte{1}; });
    ConsumerOptions options;
    options.prefetch_bytes = 2000;
    options.partition_bytes_max = 1000;
    auto consumer = open(options);
    ASSERT_TRUE(consumer.assign_topic("t"));
    const auto failed = consumer.poll(kLong);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::corrupt_batch);
    store({"good"}, 1);
    EXPECT_EQ(values(consumer.poll(kLong)), (Values{"good"}));
}

TEST_F(ConsumerTest, IsWokenFromAPollThatWaits) {
    auto consumer = open();
    ASSERT_TRUE(consumer.assign_topic("t"));
    consumer.wake();
    const auto woken = consumer.poll(std::chrono::hours(1));
    ASSERT_TRUE(woken);
    EXPECT_TRUE(woken->empty());
    auto waiting = std::async(std::launch::async, [&] { return consumer.poll(1h); });
    consumer.wake();
    EXPECT_TRUE(waiting.get());
}

TEST_F(ConsumerTest, RefusesWhatDoesNotExistAndKeepsItsAssignment) {
    auto consumer = open();
    ASSERT_TRUE(consumer.assign({{{"t", 1}, Position::start()}}));
    const auto topic = consumer.assign_topic("missing");
    ASSERT_FALSE(topic);
    EXPECT_EQ(topic.error().code, ErrorCode::unknown_topic);
    const auto partition = consumer.assign({{{"t", 2}, Position::start()}});
    ASSERT_FALSE(partition);
    EXPECT_EQ(partition.error().code, ErrorCode::unknown_partition);
    EXPECT_FALSE(consumer.assign({{{"t", 0}, Position::at(-1)}}));
    EXPECT_FALSE(consumer.assign({{{"t", 0}, {}}, {{"t", 0}, {}}}));
    const auto seek = consumer.seek({"t", 0}, Position::start());
    ASSERT_FALSE(seek);
    EXPECT_EQ(seek.error().code, ErrorCode::not_assigned);
    EXPECT_EQ(consumer.assignment(), (std::vector<TopicPartition>{{"t", 1}}));
}

TEST_F(ConsumerTest, SaysWhatTheBrokerWillNeverAnswerAndStopsAskingUntilItIsToldTo) {
    for (const auto code : {wire::ErrorCode::unknown_server_error,
                            wire::ErrorCode::malformed_request,
                            wire::ErrorCode::unsupported_api,
                            wire::ErrorCode::unsupported_version,
                            wire::ErrorCode::authentication_required,
                            wire::ErrorCode::request_too_large,
                            wire::ErrorCode::invalid_topic_name,
                            wire::ErrorCode::message_too_large}) {
        // Of the newest connection: the consumer before may have left a request on its own.
        std::atomic<std::uint64_t> connection{0};
        std::atomic<int> asked{0};
        broker_.intercept(wire::Api::fetch, [&](const FakeRequest& request) {
            if (request.connection > connection) {
                connection = request.connection;
                asked = 0;
            }
            if (request.connection == connection) ++asked;
            return error_answer(code, "never");
        });
        store({"a"});
        auto consumer = open();
        ASSERT_TRUE(consumer.assign({{{"t", 0}, Position::before_end(1)}}));
        for (int i = 0; i < 3; ++i) {
            const auto failed = consumer.poll(kLong);
            ASSERT_FALSE(failed);
            EXPECT_EQ(failed.error().code, static_cast<ErrorCode>(code));
            EXPECT_NE(failed.error().message.find("never"), std::string::npos);
        }
        EXPECT_EQ(consumer.last_connection_error().code, static_cast<ErrorCode>(code));
        EXPECT_EQ(asked, 1);
        broker_.intercept(wire::Api::fetch, nullptr);
        ASSERT_TRUE(consumer.seek({"t", 0}, Position::before_end(1)));
        EXPECT_EQ(read(consumer, 1), (Values{"a"}));
    }
}

TEST_F(ConsumerTest, GoesOnAskingWhereTheAnswerMayBeAnotherOne) {
    store({"a"});
    for (const auto code :
         {wire::ErrorCode::throttled, wire::ErrorCode::timed_out, wire::ErrorCode::shutting_down}) {
        std::atomic<int> left = 3;
        broker_.intercept(wire::Api::fetch, [&](const FakeRequest&) -> std::optional<FakeAnswer> {
            if (left-- > 0) return error_answer(code, "later");
            return std::nullopt;
        });
        auto consumer = open();
        ASSERT_TRUE(consumer.assign({{{"t", 0}, Position::start()}}));
        EXPECT_EQ(read(consumer, 1), (Values{"a"}));
        broker_.intercept(wire::Api::fetch, nullptr);
    }
}

TEST_F(ConsumerTest, GivesWhatArrivedBeforeItSaysThatNothingMoreWillCome) {
    store({"a"});
    std::atomic<int> good = 1;
    broker_.intercept(wire::Api::fetch, [&](const FakeRequest&) -> std::optional<FakeAnswer> {
        if (good-- > 0) return std::nullopt;
        return error_answer(wire::ErrorCode::unsupported_version);
    });
    auto consumer = open();
    ASSERT_TRUE(consumer.assign({{{"t", 0}, Position::start()}}));
    while (consumer.last_connection_error().code == ErrorCode::none)
        std::this_thread::yield();
    EXPECT_EQ(values(consumer.poll(kLong)), (Values{"a"}));
    const auto failed = consumer.poll(kLong);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::unsupported_version);
}

TEST_F(ConsumerTest, SaysThatTheBrokerDoesNotGreetItAnyMore) {
    auto consumer = open();
    ASSERT_TRUE(consumer.assign({{{"t", 0}, Position::start()}}));
    wire::HelloResponse greeting;
    greeting.error = static_cast<std::uint16_t>(wire::ErrorCode::authentication_required);
    broker_.set_greeting(greeting);
    broker_.drop_connections();
    const auto failed = consumer.poll(kLong);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::authentication_required);
}

TEST_F(ConsumerTest, SaysThatItsTopicWasDeleted) {
    auto consumer = open();
    ASSERT_TRUE(consumer.assign({{{"t", 0}, Position::start()}}));
    broker_.change([](FakeTopics& topics) {
        topics.remove("t");
        topics.create("t", 2);
    });
    const auto failed = consumer.poll(kLong);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::topic_deleted);
}

}  // namespace
}  // namespace millrace::testing
