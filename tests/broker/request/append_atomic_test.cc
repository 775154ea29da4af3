// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/batch_builder.h"
#include "tests/broker/request/requests.h"
#include "tests/broker/request/service_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::testing {

namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using wire::ErrorCode;

class AppendAtomicTest : public ::testing::TestWithParam<std::uint32_t> {
protected:
    void SetUp() override { ASSERT_TRUE(rig_.start()) << rig_.events(); }

    std::vector<std::pair<std::int64_t, std::string>> read(PeerDouble& peer,
                                                           const engine::PartitionKey& key) {
        return fetched_one(rig_.ask(peer, fetch_request({{key}}, {.wait_max_ms = 0}))).records;
    }

    SimDisk disk_;
    ServiceRig rig_{disk_, {.shards = GetParam()}};
};

TEST_P(AppendAtomicTest, StoresAllPartitionsAndSaysWhere) {
    auto& peer = rig_.connect(0);
    const auto id = create(rig_, peer, "orders", 8);
    const auto other = create(rig_, peer, "payments", 1);
    ASSERT_EQ(produce_one(rig_, peer, {id, 5}, "before"), 0);
    const auto answer = rig_.ask(peer,
                                 append_atomic_request({{{id, 1}, batch_of({"a", "b"})},
                                                        {{other, 0}, batch_of({"c"})},
                                                        {{id, 5}, batch_of({"d"})}},
                                                       {0, -1, 1}));
    const auto* response = answer.as<wire::AppendAtomicResponse>();
    ASSERT_NE(response, nullptr);
    ASSERT_EQ(response->error(), 0) << answer.message();
    ASSERT_EQ(response->partitions()->size(), 3U);
    EXPECT_EQ(response->partitions()->Get(0)->base_offset(), 0);
    EXPECT_EQ(response->partitions()->Get(1)->base_offset(), 0);
    EXPECT_EQ(response->partitions()->Get(2)->base_offset(), 1);
    EXPECT_THAT(read(peer, {id, 1}), ElementsAre(Pair(0, "a"), Pair(1, "b")));
    EXPECT_THAT(read(peer, {other, 0}), ElementsAre(Pair(0, "c")));
    EXPECT_THAT(read(peer, {id, 5}), ElementsAre(Pair(0, "before"), Pair(1, "d")));
    EXPECT_EQ(produce_one(rig_, peer, {id, 1}, "after"), 2);
}

TEST_P(AppendAtomicTest, RefusesAllForOneAndNamesIt) {
    auto& peer = rig_.connect(GetParam() - 1);
    const auto id = create(rig_, peer, "orders", 8, {{"max.message.bytes", "200"}});
    const engine::TopicId unknown{{9, 9, 9}};
    auto damaged = batch_of({"x"});
    damaged.back() ^= std::byte{1};
    const auto refusal = [&](const engine::PartitionKey& key,
                             const std::vector<std::byte>& batch,
                             std::int64_t expected = -1) {
        const auto answer = rig_.ask(
                peer,
                append_atomic_request(
                        {{{id, 0}, batch_of({"a"})}, {key, batch}, {{id, 2}, batch_of({"b"})}},
                        {-1, expected, -1}));
        EXPECT_TRUE(read(peer, {id, 0}).empty());
        return std::pair(static_cast<ErrorCode>(answer.error()), answer.message());
    };
    EXPECT_THAT(refusal({unknown, 0}, batch_of({"x"})),
                Pair(ErrorCode::unknown_topic, HasSubstr("no topic of this id")));
    EXPECT_THAT(refusal({id, 8}, batch_of({"x"})),
                Pair(ErrorCode::unknown_partition, HasSubstr("no partition 8")));
    EXPECT_THAT(refusal({id, 3}, batch_of({std::string(500, 'x')})),
                Pair(ErrorCode::message_too_large, HasSubstr("max.message.bytes = 200")));
    EXPECT_THAT(refusal({id, 3}, damaged),
                Pair(ErrorCode::corrupt_batch, HasSubstr("Partition 3 of topic 'orders'")));
    EXPECT_THAT(refusal({id, 3}, batch_of({"x"}, 9'000'000'000'000)),
                Pair(ErrorCode::invalid_timestamp, HasSubstr("partition 3 of topic 'orders'")));
    EXPECT_THAT(refusal({id, 3}, batch_of({"x"}), 4),
                Pair(ErrorCode::unexpected_offset, HasSubstr("ends at offset 0, not at 4")));
    for (std::uint32_t partition = 0; partition < 8; ++partition)
        EXPECT_EQ(produce_one(rig_, peer, {id, partition}, "free again"), 0);
}

TEST_P(AppendAtomicTest, TakesOneToSoManyDifferentPartitions) {
    auto& peer = rig_.connect(0);
    const auto id = create(rig_, peer, "orders", 4);
    const auto error = [&](const RequestFrame& request) {
        return static_cast<ErrorCode>(rig_.ask(peer, request).error());
    };
    EXPECT_EQ(error(append_atomic_request({})), ErrorCode::malformed_request);
    EXPECT_EQ(
            error(append_atomic_request({{{id, 0}, batch_of({"a"})}, {{id, 0}, batch_of({"b"})}})),
            ErrorCode::malformed_request);
    EXPECT_EQ(error(append_atomic_request({{{id, 0}, batch_of({"a"})}}, {1, 2})),
              ErrorCode::malformed_request);
    std::vector<Batches> many;
    for (std::uint32_t partition = 0; partition <= engine::kAtomicPartsMax; ++partition)
        many.push_back({{id, partition}, batch_of({"x"})});
    EXPECT_EQ(error(append_atomic_request(many)), ErrorCode::malformed_request);
    EXPECT_EQ(produce_one(rig_, peer, {id, 0}, "nothing before"), 0);
}

// The values are the keys.
std::vector<std::byte> keyed_batch_of(const std::vector<std::string>& keys, engine::Codec codec) {
    engine::BatchBuilder builder;
    for (const auto& key : keys) {
        engine::RecordParts parts;
        parts.key = std::as_bytes(std::span(key));
        parts.value = std::as_bytes(std::span(key));
        builder.append(parts);
    }
    const auto batch = builder.finish(codec);
    EXPECT_TRUE(batch);
    return {batch->begin(), batch->end()};
}

TEST_P(AppendAtomicTest, TakesOnlyKeyedAndPlainRecordsWhereATopicIsCompacted) {
    using engine::Codec;
    auto& peer = rig_.connect(0);
    const auto id = create(rig_, peer, "orders", 8);
    const auto compacted = create(rig_, peer, "latest", 4, {{"cleanup.policy", "compact"}});
    const auto append = [&](const std::vector<std::byte>& batch) {
        const auto answer =
                rig_.ask(peer,
                         append_atomic_request(
                                 {{{id, 0}, batch_of({"a"})}, {{compacted, 3}, batch}}, {-1, -1}));
        return std::pair(static_cast<ErrorCode>(answer.error()), answer.message());
    };
    EXPECT_THAT(append(batch_of({"no key"})),
                Pair(ErrorCode::invalid_record,
                     AllOf(HasSubstr("Partition 3 of topic 'latest'"), HasSubstr("key"))));
    EXPECT_THAT(append(keyed_batch_of({"k"}, Codec::zstd)),
                Pair(ErrorCode::unsupported_batch, HasSubstr("'latest' is compacted")));
    EXPECT_TRUE(read(peer, {id, 0}).empty());
    EXPECT_TRUE(read(peer, {compacted, 3}).empty());
    EXPECT_THAT(append(keyed_batch_of({"k", "l"}, Codec::none)),
                Pair(ErrorCode::none, ::testing::_));
    EXPECT_THAT(read(peer, {compacted, 3}), ElementsAre(Pair(0, "k"), Pair(1, "l")));
    EXPECT_THAT(read(peer, {id, 0}), ElementsAre(Pair(0, "a")));
}

INSTANTIATE_TEST_SUITE_P(Shards, AppendAtomicTest, ::testing::Values(1U, 3U));

}  // namespace

}  // namespace millrace::testing
