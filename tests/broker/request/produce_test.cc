// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/broker/request/requests.h"
#include "tests/broker/request/service_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using wire::ErrorCode;

class ProduceTest : public ::testing::TestWithParam<std::uint32_t> {
protected:
    void SetUp() override { ASSERT_TRUE(rig_.start()) << rig_.events(); }

    // A partition of the topic that lives on that shard.
    [[nodiscard]] engine::PartitionKey on_shard(const engine::TopicId& id, std::uint32_t shard) {
        for (std::uint32_t partition = 0; partition < 64; ++partition) {
            const engine::PartitionKey key{id, partition};
            if (engine::shard_of(key, rig_.shard_count()) == shard) return key;
        }
        ADD_FAILURE() << "no partition on shard " << shard;
        return {};
    }

    SimDisk disk_;
    ServiceRig rig_{disk_, {.shards = GetParam()}};
};

TEST_P(ProduceTest, GivesRecordsAscendingOffsetsAndReadsThemBackFromAnyConnection) {
    auto& peer = rig_.connect(0);
    const auto id = create(rig_, peer, "orders", 64);
    for (std::uint32_t shard = 0; shard < GetParam(); ++shard) {
        const auto key = on_shard(id, shard);
        EXPECT_EQ(produce_one(rig_, peer, key, "a"), 0);
        auto& other = rig_.connect(GetParam() - 1);
        EXPECT_EQ(produce_one(rig_, other, key, "b"), 1);
        const auto records = fetched_one(rig_.ask(other, fetch_request({{key}}))).records;
        EXPECT_THAT(records, ElementsAre(Pair(0, "a"), Pair(1, "b")));
    }
}

TEST_P(ProduceTest, AnswersForEveryPartitionByItself) {
    auto& peer = rig_.connect(0);
    const auto id = create(rig_, peer, "orders", 64, {{"max.message.bytes", "200"}});
    const engine::TopicId unknown{{9, 9, 9}};
    const auto answer = rig_.ask(peer,
                                 produce_request({{{id, 0}, batch_of({"a"})},
                                                  {{unknown, 0}, batch_of({"b"})},
                                                  {{id, 64}, batch_of({"c"})},
                                                  {{id, 1}, batch_of({std::string(500, 'x')})},
                                                  {{id, 2}, batch_of({"d", "e"})}}));
    const auto* response = answer.as<wire::ProduceResponse>();
    ASSERT_NE(response, nullptr);
    ASSERT_EQ(response->partitions()->size(), 5U);
    const auto error = [&](unsigned row) {
        return static_cast<ErrorCode>(response->partitions()->Get(row)->error());
    };
    EXPECT_EQ(error(0), ErrorCode::none);
    EXPECT_EQ(error(1), ErrorCode::unknown_topic);
    EXPECT_EQ(error(2), ErrorCode::unknown_partition);
    EXPECT_EQ(error(3), ErrorCode::message_too_large);
    EXPECT_EQ(error(4), ErrorCode::none);
    EXPECT_EQ(response->partitions()->Get(3)->base_offset(), -1);
    ASSERT_EQ(response->messages()->size(), 3U);
    const auto text = response->messages()->Get(2)->message()->str();
    EXPECT_EQ(response->messages()->Get(2)->row(), 3U);
    EXPECT_THAT(text, HasSubstr("max.message.bytes = 200"));
    EXPECT_THAT(text, HasSubstr("orders"));
    EXPECT_THAT(text, HasSubstr(std::to_string(batch_of({std::string(500, 'x')}).size())));
}

TEST_P(ProduceTest, NamesTheRecordWhoseTimestampItDoesNotTake) {
    auto& peer = rig_.connect(0);
    const auto id = create(rig_, peer, "orders", 64, {{"message.timestamp.before.max.ms", "1000"}});
    const auto message = [&](std::int64_t timestamp) {
        const auto answer =
                rig_.ask(peer, produce_request({{{id, 3}, batch_of({"a", "b"}, timestamp)}}));
        const auto* response = answer.as<wire::ProduceResponse>();
        EXPECT_EQ(static_cast<ErrorCode>(response->partitions()->Get(0)->error()),
                  ErrorCode::invalid_timestamp);
        return response->messages()->Get(0)->message()->str();
    };
    EXPECT_THAT(message(5),
                HasSubstr("Record 0 for partition 3 of topic 'orders' has timestamp 5"));
    EXPECT_THAT(message(5), HasSubstr("message.timestamp.before.max.ms"));
    EXPECT_THAT(message(9'000'000'000'000), HasSubstr("message.timestamp.after.max.ms"));
}

TEST_P(ProduceTest, StoresAConditionalAppendOnlyWhereThePartitionEnds) {
    auto& peer = rig_.connect(0);
    const auto id = create(rig_, peer, "orders", 64);
    ASSERT_EQ(produce_one(rig_, peer, {id, 0}, "a"), 0);
    const auto answer = rig_.ask(peer,
                                 produce_request({{{id, 0}, batch_of({"b"})},
                                                  {{id, 1}, batch_of({"c"})},
                                                  {{id, 2}, batch_of({"d"})},
                                                  {{id, 3}, batch_of({"e"})}},
                                                 {.expected_offsets = {1, 1, 0, -1}}));
    const auto* response = answer.as<wire::ProduceResponse>();
    ASSERT_NE(response, nullptr);
    const auto row = [&](unsigned index) { return response->partitions()->Get(index); };
    EXPECT_EQ(row(0)->error(), 0);
    EXPECT_EQ(row(0)->base_offset(), 1);
    EXPECT_EQ(static_cast<ErrorCode>(row(1)->error()), ErrorCode::unexpected_offset);
    EXPECT_EQ(row(1)->base_offset(), 0);  // Where it ends.
    EXPECT_EQ(row(2)->error(), 0);
    EXPECT_EQ(row(3)->error(), 0);
    ASSERT_EQ(response->messages()->size(), 1U);
    const auto text = response->messages()->Get(0)->message()->str();
    EXPECT_THAT(text, HasSubstr("Partition 1 of topic 'orders' ends at offset 0, not at 1"));
}

TEST_P(ProduceTest, RefusesExpectedOffsetsThatDoNotFitItsPartitions) {
    auto& peer = rig_.connect(0);
    const auto id = create(rig_, peer, "orders", 64);
    for (const auto& expected : std::vector<std::vector<std::int64_t>>{{0}, {0, 0, 0}, {0, -2}}) {
        const auto request =
                produce_request({{{id, 0}, batch_of({"a"})}, {{id, 1}, batch_of({"b"})}},
                                {.expected_offsets = expected});
        EXPECT_EQ(static_cast<ErrorCode>(rig_.ask(peer, request).error()),
                  ErrorCode::malformed_request);
    }
    EXPECT_EQ(produce_one(rig_, peer, {id, 0}, "nothing was stored before"), 0);
}

TEST_P(ProduceTest, KeepsTheOrderOfOneConnectionWithoutWaitingForAnswers) {
    auto& peer = rig_.connect(0);
    const auto id = create(rig_, peer, "orders", 64);
    const auto key = on_shard(id, GetParam() - 1);
    constexpr int kCount = 200;
    for (int number = 0; number < kCount; ++number) {
        rig_.send(peer, produce_request({{key, batch_of({std::to_string(number)})}}));
    }
    ASSERT_TRUE(rig_.run_until([&] { return peer.requests_in_flight == 0; }));
    const auto records = fetched_one(rig_.ask(peer, fetch_request({{key}}))).records;
    ASSERT_EQ(records.size(), kCount);
    for (int number = 0; number < kCount; ++number) {
        EXPECT_EQ(records[static_cast<std::size_t>(number)],
                  std::pair(std::int64_t{number}, std::to_string(number)));
    }
}

TEST_P(ProduceTest, WithoutAcknowledgementStoresAndSaysNothing) {
    auto& peer = rig_.connect(0);
    const auto id = create(rig_, peer, "orders", 64);
    const auto key = on_shard(id, GetParam() - 1);
    const auto answers = peer.answers.size();
    rig_.send(peer, produce_request({{key, batch_of({"a"})}}, {.acks = 0}));
    ASSERT_TRUE(rig_.run_until([&] { return peer.requests_in_flight == 0; }));
    EXPECT_EQ(peer.answers.size(), answers);
    EXPECT_EQ(fetched_one(rig_.ask(peer, fetch_request({{key}}))).records.size(), 1U);
}

TEST_P(ProduceTest, RefusesWhatIsNotWholeBatchesAndAppliesNothing) {
    auto& peer = rig_.connect(0);
    const auto id = create(rig_, peer, "orders", 2);
    auto half = batch_of({"b"});
    half.resize(half.size() - 1);
    const auto refused =
            rig_.ask(peer, produce_request({{{id, 0}, batch_of({"a"})}, {{id, 1}, half}}));
    EXPECT_EQ(refused.error(), static_cast<std::uint16_t>(ErrorCode::malformed_request));
    const auto twice = rig_.ask(
            peer, produce_request({{{id, 0}, batch_of({"a"})}, {{id, 0}, batch_of({"b"})}}));
    EXPECT_EQ(twice.error(), static_cast<std::uint16_t>(ErrorCode::malformed_request));
    EXPECT_EQ(produce_one(rig_, peer, {id, 0}, "first"), 0);
}

TEST_P(ProduceTest, ThatIsMalformedAndWantsNoAnswerClosesItsConnection) {
    auto& peer = rig_.connect(0);
    const auto id = create(rig_, peer, "orders", 1);
    const auto answers = peer.answers.size();
    rig_.send(peer, produce_request({{{id, 0}, {}}}, {.acks = 0}));
    EXPECT_EQ(peer.close_reason, "The bytes of partition 0 are not whole record batches.");
    EXPECT_EQ(peer.answers.size(), answers);
    EXPECT_EQ(peer.requests_in_flight, 0);
}

TEST_P(ProduceTest, RefusesADamagedBatchOfOnePartitionOnly) {
    auto& peer = rig_.connect(0);
    const auto id = create(rig_, peer, "orders", 2);
    auto damaged = batch_of({"b"});
    damaged.back() ^= std::byte{1};
    const auto answer =
            rig_.ask(peer, produce_request({{{id, 0}, damaged}, {{id, 1}, batch_of({"a"})}}));
    const auto* response = answer.as<wire::ProduceResponse>();
    ASSERT_NE(response, nullptr);
    EXPECT_EQ(response->partitions()->Get(0)->error(),
              static_cast<std::uint16_t>(ErrorCode::corrupt_batch));
    EXPECT_EQ(response->partitions()->Get(1)->error(), 0);
}

TEST_P(ProduceTest, OutlivesItsConnection) {
    auto& peer = rig_.connect(0);
    const auto id = create(rig_, peer, "orders", 64);
    const auto key = on_shard(id, GetParam() - 1);
    rig_.send(peer, produce_request({{key, batch_of({"a"})}}));
    rig_.close(peer);
    rig_.settle();
    auto& other = rig_.connect(0);
    EXPECT_EQ(fetched_one(rig_.ask(other, fetch_request({{key}}))).records.size(), 1U);
}

TEST_P(ProduceTest, AcknowledgedBeforeAStopIsThereAfterTheNextStart) {
    engine::PartitionKey key;
    {
        auto& peer = rig_.connect(0);
        key = {create(rig_, peer, "orders", 64), 7};
        EXPECT_EQ(produce_one(rig_, peer, key, "a"), 0);
        ASSERT_TRUE(rig_.stop());
    }
    ServiceRig next(disk_, {.shards = GetParam() == 1 ? 3U : 1U});
    ASSERT_TRUE(next.start()) << next.events();
    auto& peer = next.connect(0);
    EXPECT_EQ(produce_one(next, peer, key, "b"), 1);
    EXPECT_THAT(fetched_one(next.ask(peer, fetch_request({{key}}))).records,
                ElementsAre(Pair(0, "a"), Pair(1, "b")));
}

TEST_P(ProduceTest, GivesBackItsShareOfTheConnectionsLimits) {
    auto& peer = rig_.connect(0);
    const auto id = create(rig_, peer, "orders", 2);
    EXPECT_EQ(produce_one(rig_, peer, {id, 0}, "a"), 0);
    static_cast<void>(rig_.ask(peer, produce_request({{{id, 0}, {}}})));
    static_cast<void>(rig_.ask(peer, metadata_request({})));
    EXPECT_EQ(peer.requests_in_flight, 0);
    EXPECT_EQ(peer.bytes_in_flight, 0);
}

INSTANTIATE_TEST_SUITE_P(Shards, ProduceTest, ::testing::Values(1U, 2U, 3U));

}  // namespace

}  // namespace millrace::testing
