// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What an idempotent producer puts on its batches, against a broker that the test scripts.
#include "engine/format/batch_builder.h"
#include "engine/format/record_batch.h"
#include "millrace/producer.h"
#include "schemas/produce_generated.h"
#include "tests/clients/cpp/support/fake_broker.h"

#include <gtest/gtest.h>

#include <mutex>

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;
using engine::ProducerStamp;
using wire::ErrorCode;

// What becomes of a produce request: nothing else is said, it is stored.
struct Fate {
    bool hang_up = false;
    ErrorCode refusal = ErrorCode::none;
};

constexpr Fate kStored{};
constexpr Fate kHangUp{.hang_up = true};

Fate refused(ErrorCode code) {
    return {.refusal = code};
}

class IdempotentProducerTest : public ::testing::Test {
protected:
    void SetUp() override {
        broker_.change([](FakeTopics& topics) { topics.create("t", 2); });
        broker_.intercept(wire::Api::produce,
                          [this](const FakeRequest& request) { return answer(request); });
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

    static Result<Ack> send(Producer& producer, std::string_view value = "v") {
        Record record;
        record.topic = "t";
        record.value = value;
        record.partition = 0;
        return producer.send(record).get();
    }

    std::vector<ProducerStamp> stamps() {
        const std::lock_guard lock(mutex_);
        return stamps_;
    }

    // The fates of the next ones.
    void script(std::vector<Fate> fates) {
        const std::lock_guard lock(mutex_);
        script_ = std::move(fates);
    }

    FakeBroker broker_;

private:
    std::optional<FakeAnswer> answer(const FakeRequest& request) {
        const auto batch = engine::BatchView::parse(request.payload);
        const std::lock_guard lock(mutex_);
        stamps_.push_back({batch->producer_id(), batch->producer_epoch(), batch->base_sequence()});
        if (script_.empty()) return std::nullopt;
        const auto fate = script_.front();
        script_.erase(script_.begin());
        if (fate.hang_up) return FakeAnswer::hang_up();
        if (fate.refusal == ErrorCode::none) return std::nullopt;
        return refusal(request, fate.refusal);
    }

    static FakeAnswer refusal(const FakeRequest& request, ErrorCode code) {
        const auto* table = flatbuffers::GetRoot<wire::ProduceRequest>(
                reinterpret_cast<const std::uint8_t*>(request.table.data()));
        const std::vector<wire::ProducedPartition> rows{{table->partitions()->Get(0)->topic(),
                                                         0,
                                                         static_cast<std::uint16_t>(code),
                                                         0,
                                                         -1,
                                                         -1,
                                                         -1}};
        flatbuffers::FlatBufferBuilder builder;
        const auto vector = builder.CreateVectorOfStructs(rows);
        builder.Finish(wire::CreateProduceResponse(builder, 0, 0, 0, vector));
        FakeAnswer answer;
        const auto* data = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
        answer.table.assign(data, data + builder.GetSize());
        answer.table.resize(wire::padded(builder.GetSize()));
        return answer;
    }

    std::mutex mutex_;
    std::vector<ProducerStamp> stamps_;
    std::vector<Fate> script_;
};

TEST_F(IdempotentProducerTest, NumbersItsBatches) {
    broker_.give_producer_ids(41);
    auto producer = open();
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(send(producer));
    EXPECT_EQ(stamps(), (std::vector<ProducerStamp>{{41, 0, 0}, {41, 0, 1}, {41, 0, 2}}));
    EXPECT_EQ(broker_.requests(wire::Api::init_producer), 1U);
    auto other = open();
    ASSERT_TRUE(send(other));
    EXPECT_EQ(stamps().back(), (ProducerStamp{42, 0, 0}));
}

TEST_F(IdempotentProducerTest, SendsWithoutNumbersWhereThereAreNone) {
    auto producer = open();  // An older broker.
    ASSERT_TRUE(send(producer));
    EXPECT_EQ(stamps(), (std::vector<ProducerStamp>{{-1, -1, -1}}));
}

TEST_F(IdempotentProducerTest, SendsWithoutNumbersWhenToldSo) {
    broker_.give_producer_ids(41);
    auto plain = open({.idempotent = false});
    ASSERT_TRUE(send(plain));
    auto blind = open({.acks = Acks::none});
    ASSERT_TRUE(send(blind));
    ASSERT_TRUE(blind.close());
    EXPECT_EQ(stamps().front(), ProducerStamp());
    EXPECT_EQ(broker_.requests(wire::Api::init_producer), 0U);
}

TEST_F(IdempotentProducerTest, SendsABatchAgainWithItsNumber) {
    broker_.give_producer_ids(41);
    auto producer = open();
    ASSERT_TRUE(send(producer));
    script({kHangUp, refused(ErrorCode::throttled), kStored});
    ASSERT_TRUE(send(producer));
    ASSERT_TRUE(send(producer));
    EXPECT_EQ(stamps(),
              (std::vector<ProducerStamp>{
                      {41, 0, 0}, {41, 0, 1}, {41, 0, 1}, {41, 0, 1}, {41, 0, 2}}));
}

TEST_F(IdempotentProducerTest, TakesAnOldDuplicateForStored) {
    broker_.give_producer_ids(41);
    auto producer = open();
    script({kHangUp, refused(ErrorCode::duplicate_sequence)});
    const auto ack = send(producer);
    ASSERT_TRUE(ack) << ack.error().message;
    EXPECT_EQ(ack->offset, -1);
}

TEST_F(IdempotentProducerTest, FailsClearlyWhenTheBrokerHasLostWhatItAcknowledged) {
    broker_.give_producer_ids(41);
    auto producer = open();
    ASSERT_TRUE(send(producer));
    script({refused(ErrorCode::out_of_order_sequence),
            refused(ErrorCode::out_of_order_sequence),
            kStored});
    const auto lost = send(producer);
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, millrace::ErrorCode::out_of_order_sequence);
    EXPECT_NE(lost.error().message.find("Nothing of it was stored"), std::string::npos);
    ASSERT_TRUE(send(producer));
    EXPECT_EQ(stamps(),
              (std::vector<ProducerStamp>{{41, 0, 0}, {41, 0, 1}, {41, 0, 2}, {41, 1, 0}}));
}

TEST_F(IdempotentProducerTest, GoesOnInANewEpochBehindABatchThatFailed) {
    broker_.give_producer_ids(41);
    auto producer = open();
    ASSERT_TRUE(send(producer));
    script({refused(ErrorCode::invalid_timestamp),
            refused(ErrorCode::out_of_order_sequence),
            kStored});
    ASSERT_FALSE(send(producer));
    ASSERT_TRUE(send(producer));
    EXPECT_EQ(stamps().back(), (ProducerStamp{41, 1, 0}));
}

TEST_F(IdempotentProducerTest, AConditionalAppendThatIsRefusedUsesUpNoNumber) {
    broker_.give_producer_ids(41);
    auto producer = open();
    ASSERT_TRUE(send(producer));
    Record record;
    record.value = "v";
    script({refused(ErrorCode::unexpected_offset), kStored});
    const auto late = producer.append_at("t", 0, 0, {record, record});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, millrace::ErrorCode::unexpected_offset);
    ASSERT_TRUE(producer.append_at("t", 0, 1, {record, record}));
    ASSERT_TRUE(send(producer));
    EXPECT_EQ(stamps(),
              (std::vector<ProducerStamp>{{41, 0, 0}, {41, 0, 1}, {41, 0, 1}, {41, 0, 3}}));
}

TEST_F(IdempotentProducerTest, AConditionalAppendIsSentAgainOnlyWithANumber) {
    Record record;
    record.value = "v";
    auto without = open();  // The broker gives no ids.
    script({kHangUp});
    const auto unknown = without.append_at("t", 0, 0, {record});
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, millrace::ErrorCode::disconnected);
    broker_.give_producer_ids(41);
    auto with = open();
    script({kHangUp, kStored});
    EXPECT_TRUE(with.append_at("t", 0, 0, {record}));
}

TEST_F(IdempotentProducerTest, AConditionalAppendIsOneBatchOfOnePartition) {
    broker_.give_producer_ids(41);
    auto producer = open();
    Record record;
    record.value = "v";
    const auto ack = producer.append_at("t", 1, 0, {record, record, record});
    ASSERT_TRUE(ack) << ack.error().message;
    EXPECT_EQ(ack->partition, 1U);
    EXPECT_EQ(ack->offset, 0);
    EXPECT_EQ(stamps().size(), 1U);
    record.partition = 0;
    EXPECT_FALSE(producer.append_at("t", 1, 3, {record}));
    EXPECT_FALSE(producer.append_at("t", 1, 3, {}));
    EXPECT_FALSE(producer.append_at("t", 1, -1, {Record{}}));
    const auto missing = producer.append_at("t", 7, 0, {Record{}});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, millrace::ErrorCode::unknown_partition);
}

TEST_F(IdempotentProducerTest, RefusesMoreBatchesOnTheirWayThanABrokerKnowsAgain) {
    auto client = Client::connect({.addresses = broker_.address()});
    ASSERT_TRUE(client);
    const auto refused = Producer::open(*client, {.in_flight_per_partition = 6});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, millrace::ErrorCode::invalid_argument);
    EXPECT_TRUE(Producer::open(*client, {.in_flight_per_partition = 6, .idempotent = false}));
}

}  // namespace
}  // namespace millrace::testing
