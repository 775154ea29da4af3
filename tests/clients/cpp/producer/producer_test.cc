// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A producer against a broker that the test scripts.
#include "millrace/producer.h"

#include "core/bytes.h"
#include "engine/format/batch_reader.h"
#include "tests/clients/cpp/support/fake_broker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;

class ProducerTest : public ::testing::Test {
protected:
    void SetUp() override {
        broker_.change([](FakeTopics& topics) { topics.create("t", 3); });
    }

    Producer open(ProducerOptions options = {}) {
        ClientOptions client_options;
        client_options.addresses = broker_.address();
        client_options.reconnect_delay_min = 1ms;
        auto client = Client::connect(client_options);
        EXPECT_TRUE(client);
        options.retry_delay_min = 1ms;
        auto producer = Producer::open(*client, options);
        EXPECT_TRUE(producer);
        return *std::move(producer);
    }

    static Record record(std::string_view value, std::optional<std::uint32_t> partition = 0) {
        Record result;
        result.topic = "t";
        result.value = value;
        result.partition = partition;
        return result;
    }

    std::vector<std::string> stored(std::uint32_t partition = 0, const std::string& topic = "t") {
        std::vector<std::string> values;
        broker_.change([&](FakeTopics& topics) {
            for (const auto& bytes : topics.partition(topic, partition).batches) {
                engine::BatchReader reader;
                EXPECT_TRUE(reader.open(engine::BatchView::trusted(bytes.data()), 10U << 20));
                for (auto item = reader.next(); item && *item; item = reader.next())
                    values.emplace_back(detail::text_of(*(**item).record.value));
            }
        });
        return values;
    }

    void refuse(wire::ErrorCode error) {
        broker_.change([&](FakeTopics& topics) { topics.partition("t", 0).produce_error = error; });
    }

    // The broker takes no produce request until the gate is opened.
    std::promise<void> close_gate() {
        std::promise<void> open_gate;
        broker_.intercept(wire::Api::produce,
                          [gate = open_gate.get_future().share()](
                                  const FakeRequest&) -> std::optional<FakeAnswer> {
                              gate.wait();
                              return std::nullopt;
                          });
        return open_gate;
    }

    FakeBroker broker_;
};

TEST_F(ProducerTest, AcknowledgesWithPartitionAndOffset) {
    auto producer = open();
    for (int i = 0; i < 3; ++i) {
        auto record_in = record("v", 1);
        record_in.timestamp_ms = 1000 + i;
        const auto ack = producer.send(record_in).get();
        ASSERT_TRUE(ack) << ack.error().message;
        EXPECT_EQ(ack->topic, "t");
        EXPECT_EQ(ack->partition, 1U);
        EXPECT_EQ(ack->offset, i);
        EXPECT_EQ(ack->timestamp_ms, 1000 + i);
    }
}

TEST_F(ProducerTest, StoresEveryCodecReadably) {
    const std::string value(10'000, 'z');
    for (const auto codec : {Compression::none,
                             Compression::gzip,
                             Compression::snappy,
                             Compression::lz4,
                             Compression::zstd}) {
        broker_.change([](FakeTopics& topics) { topics.create("t", 1); });
        ProducerOptions options;
        options.compression = codec;
        auto producer = open(options);
        ASSERT_TRUE(producer.send(record(value)).get());
        EXPECT_EQ(stored(), std::vector<std::string>{value});
        if (codec != Compression::none) {
            EXPECT_LT(producer.statistics().bytes, 5000U);
        }
    }
}

TEST_F(ProducerTest, SendsAgainWhatIsRefusedForAMoment) {
    std::atomic<int> refusals{3};
    broker_.intercept(wire::Api::produce, [&](const FakeRequest&) -> std::optional<FakeAnswer> {
        if (refusals-- > 0) return error_answer(wire::ErrorCode::throttled);
        return std::nullopt;
    });
    auto producer = open();
    ASSERT_TRUE(producer.send(record("v")).get());
    EXPECT_EQ(producer.statistics().retries, 3U);
    EXPECT_EQ(stored().size(), 1U);
}

TEST_F(ProducerTest, FailsAtOnceWhatNoRetryCanCure) {
    refuse(wire::ErrorCode::invalid_timestamp);
    auto producer = open();
    const auto ack = producer.send(record("v")).get();
    ASSERT_FALSE(ack);
    EXPECT_EQ(ack.error().code, ErrorCode::invalid_timestamp);
    EXPECT_NE(ack.error().message.find("t-0"), std::string::npos) << ack.error().message;
    EXPECT_EQ(producer.statistics().retries, 0U);
}

TEST_F(ProducerTest, GivesUpAfterTheDeliveryTimeoutWithTheLastRefusal) {
    refuse(wire::ErrorCode::storage_full);
    ProducerOptions options;
    options.delivery_timeout = 50ms;
    auto producer = open(options);
    const auto ack = producer.send(record("v")).get();
    ASSERT_FALSE(ack);
    EXPECT_EQ(ack.error().code, ErrorCode::storage_full);
    EXPECT_GT(producer.statistics().retries, 0U);
}

TEST_F(ProducerTest, HoldsTheDeliveryTimeoutWhileARequestIsUnanswered) {
    std::atomic<bool> silent{true};
    broker_.intercept(wire::Api::produce, [&](const FakeRequest&) -> std::optional<FakeAnswer> {
        if (silent) return FakeAnswer::silence();
        return std::nullopt;
    });
    ProducerOptions options;
    options.delivery_timeout = 30ms;
    auto producer = open(options);
    const auto ack = producer.send(record("v")).get();
    ASSERT_FALSE(ack);
    EXPECT_EQ(ack.error().code, ErrorCode::timed_out);
    EXPECT_TRUE(producer.flush()) << "nothing is left to wait for";
    EXPECT_EQ(producer.statistics().records_failed, 1U);
    silent = false;
    EXPECT_TRUE(producer.send(record("other", 1)).get()) << "the connection lives on";
    EXPECT_EQ(producer.statistics().retries, 0U);
}

TEST_F(ProducerTest, SurvivesALostConnectionAndKeepsTheOrder) {
    std::atomic<int> requests{0};
    broker_.intercept(wire::Api::produce, [&](const FakeRequest&) -> std::optional<FakeAnswer> {
        const auto number = requests++;
        if (number % 3 == 1) return FakeAnswer::hang_up();
        if (number % 5 == 2) return error_answer(wire::ErrorCode::throttled);
        return std::nullopt;
    });
    ProducerOptions options;
    options.batch_bytes = 200;
    auto producer = open(options);
    std::vector<std::string> values;
    for (int i = 0; i < 300; ++i)
        values.push_back(std::to_string(i));
    std::atomic<std::int64_t> last{-1};
    std::atomic<bool> ordered{true};
    for (const auto& value : values) {
        ASSERT_TRUE(producer.send(record(value), [&](const Result<Ack>& ack) {
            EXPECT_TRUE(ack) << ack.error().message;
            if (ack && ack->offset <= last) ordered = false;
            if (ack) last = ack->offset;
        }));
    }
    ASSERT_TRUE(producer.flush());
    EXPECT_EQ(stored(), values);
    EXPECT_TRUE(ordered);
    EXPECT_GT(broker_.connections(), 2U);
}

TEST_F(ProducerTest, HalvesBatchesThatTheTopicRefusesAsTooLarge) {
    broker_.change([](FakeTopics& topics) { topics.partition("t", 0).batch_bytes_max = 2000; });
    ProducerOptions options;
    options.linger = 20ms;
    auto producer = open(options);
    std::vector<std::string> values;
    for (int i = 0; i < 50; ++i)
        values.push_back(std::to_string(i) + std::string(300, '.'));
    for (const auto& value : values) {
        ASSERT_TRUE(producer.send(record(value), [](const Result<Ack>& ack) {
            EXPECT_TRUE(ack) << ack.error().message;
        }));
    }
    ASSERT_TRUE(producer.flush());
    EXPECT_EQ(stored(), values);
    const auto refused = producer.send(record(std::string(3000, 'x'))).get();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::message_too_large);
}

TEST_F(ProducerTest, FailsRecordsOfATopicThatDoesNotComeToBe) {
    auto producer = open();
    auto missing = record("v", {});
    missing.topic = "missing";
    const auto ack = producer.send(missing).get();
    ASSERT_FALSE(ack);
    EXPECT_EQ(ack.error().code, ErrorCode::unknown_topic);
    EXPECT_TRUE(producer.send(record("v")).get()) << "other topics go on";
}

TEST_F(ProducerTest, FollowsATopicThatIsMadeAgain) {
    auto producer = open();
    ASSERT_TRUE(producer.send(record("old")).get());
    broker_.change([](FakeTopics& topics) {
        topics.remove("t");
        topics.create("t", 3);
    });
    const auto ack = producer.send(record("new")).get();
    ASSERT_TRUE(ack) << ack.error().message;
    EXPECT_EQ(ack->offset, 0);
    EXPECT_EQ(stored(), std::vector<std::string>{"new"});
}

TEST_F(ProducerTest, RefusesOrBlocksWhenItsMemoryIsFull) {
    auto open_gate = close_gate();
    ProducerOptions options;
    options.buffer_bytes = 5000;
    options.on_full = OnFull::fail;
    auto failing = open(options);
    options.on_full = OnFull::block;
    auto blocking = open(options);
    const std::string value(1000, 'v');
    int accepted = 0;
    Result<void> last;
    while ((last = failing.send(record(value), {}))) {
        ASSERT_LT(++accepted, 10);
    }
    EXPECT_EQ(last.error().code, ErrorCode::buffer_full);
    EXPECT_EQ(accepted, 4);
    const auto large = failing.send(record(std::string(6000, 'v')), {});
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().code, ErrorCode::message_too_large);

    for (int i = 0; i < 4; ++i)
        ASSERT_TRUE(blocking.send(record(value), {}));
    auto fifth = std::async(std::launch::async, [&] { return blocking.send(record(value), {}); });
    EXPECT_EQ(fifth.wait_for(20ms), std::future_status::timeout);
    open_gate.set_value();
    EXPECT_TRUE(fifth.get());
    EXPECT_TRUE(blocking.flush());
}

TEST_F(ProducerTest, PutsManyRecordsIntoFewRequests) {
    ProducerOptions options;
    options.linger = 5ms;
    auto producer = open(options);
    const std::string value(1024, 'v');
    constexpr std::uint64_t kRecords = 5000;
    for (std::uint64_t i = 0; i < kRecords; ++i)
        ASSERT_TRUE(producer.send(record(value, {}), {}));
    ASSERT_TRUE(producer.flush());
    const auto statistics = producer.statistics();
    EXPECT_EQ(statistics.records_acknowledged, kRecords);
    EXPECT_LT(statistics.requests, kRecords / 50);
}

TEST_F(ProducerTest, SendsTogetherWhatBecomesReadyWhileEnoughRequestsAreOnTheirWay) {
    broker_.change([](FakeTopics& topics) { topics.create("wide", 20); });
    auto open_gate = close_gate();
    ProducerOptions options;
    options.requests_in_flight = 2;
    auto producer = open(options);
    for (std::uint32_t partition = 0; partition < 20; ++partition) {
        auto one = record("v", partition);
        one.topic = "wide";
        ASSERT_TRUE(producer.send(one, {}));
        EXPECT_FALSE(producer.flush(1ms));  // Whatever may go has gone.
        while (producer.statistics().requests < std::min(partition + 1, 2U))
            std::this_thread::yield();
    }
    EXPECT_EQ(producer.statistics().requests, 2U);
    open_gate.set_value();
    EXPECT_TRUE(producer.flush());
    EXPECT_EQ(producer.statistics().requests, 3U);
}

TEST_F(ProducerTest, HearsNothingWithoutAcks) {
    ProducerOptions options;
    options.acks = Acks::none;
    auto producer = open(options);
    const auto ack = producer.send(record("v")).get();
    ASSERT_TRUE(ack);
    EXPECT_EQ(ack->offset, -1);
    ASSERT_TRUE(producer.close());
}

TEST_F(ProducerTest, FailsWhatIsLeftWhenItIsClosed) {
    broker_.intercept(wire::Api::produce, [](const FakeRequest&) { return FakeAnswer::silence(); });
    auto producer = open();
    auto ack = producer.send(record("v"));
    const auto closed = producer.close(0ms);
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error().code, ErrorCode::timed_out);
    const auto outcome = ack.get();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::closed);
    const auto late = producer.send(record("v"), {});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::closed);
}

TEST_F(ProducerTest, MayBeUsedAndDestroyedInItsOwnCallback) {
    auto producer = std::make_unique<Producer>(open());
    std::promise<ErrorCode> flushed;
    ASSERT_TRUE(producer->send(record("v"), [&](const Result<Ack>&) {
        EXPECT_TRUE(producer->send(record("again"), {}));
        const auto refused = producer->flush();
        const auto code = refused ? ErrorCode::none : refused.error().code;
        producer.reset();
        flushed.set_value(code);
    }));
    EXPECT_EQ(flushed.get_future().get(), ErrorCode::invalid_argument);
}

TEST_F(ProducerTest, DoesNotBelieveAnAnswerAboutOtherPartitions) {
    std::atomic<int> wrong{1};
    broker_.intercept(wire::Api::produce,
                      [&](const FakeRequest& request) -> std::optional<FakeAnswer> {
                          if (wrong-- <= 0) return std::nullopt;
                          auto other = request;
                          other.header.api = 999;
                          FakeAnswer answer;
                          answer.table.resize(64, std::byte{0xff});
                          return answer;
                      });
    auto producer = open();
    const auto ack = producer.send(record("v")).get();
    ASSERT_TRUE(ack) << ack.error().message;
    EXPECT_GT(broker_.connections(), 2U) << "the connection that lied was ended";
}

}  // namespace
}  // namespace millrace::testing
