// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Compactions that are asked for, and appends to topics that are compacted.
#include "engine/format/batch_builder.h"
#include "tests/broker/request/requests.h"
#include "tests/broker/request/service_rig.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::testing {

namespace {

using ::testing::HasSubstr;
using wire::ErrorCode;

class CompactRecordsTest : public ::testing::Test {
protected:
    void SetUp() override {
        rig_ = std::make_unique<ServiceRig>(disk_, RigOptions{.shards = 2});
        ASSERT_TRUE(rig_->start()) << rig_->events();
        peer_ = &rig_->connect(1);
        key_ = {create(*rig_,
                       *peer_,
                       "state",
                       1,
                       {{"cleanup.policy", "compact"}, {"segment.bytes", "4096"}}),
                0};
    }

    // The row's error and its message.
    std::pair<std::uint16_t, std::string> produce(const std::vector<std::byte>& batch) {
        const auto answer = rig_->ask(*peer_, produce_request({{key_, batch}}));
        const auto* response = answer.as<wire::ProduceResponse>();
        const auto* messages = response->messages();
        return {response->partitions()->Get(0)->error(),
                messages == nullptr ? "" : messages->Get(0)->message()->str()};
    }

    static std::vector<std::byte> keyed(const std::string& key,
                                        const std::string& value,
                                        engine::Codec codec = engine::Codec::none) {
        engine::BatchBuilder builder;
        builder.append({.timestamp = 1'700'000'000'000,
                        .key = std::as_bytes(std::span(key)),
                        .value = std::as_bytes(std::span(value))});
        const auto batch = builder.finish(codec);
        return {batch->begin(), batch->end()};
    }

    struct Compacted {
        wire::CompactedRecords row;
        std::string message;
    };

    Compacted compact(const engine::PartitionKey& key, std::uint64_t ticket = 0) {
        const auto answer = rig_->ask(*peer_, compact_records_request(key, ticket));
        const auto* response = answer.as<wire::CompactRecordsResponse>();
        EXPECT_EQ(response->error(), 0);
        const auto* messages = response->messages();
        return {*response->partitions()->Get(0),
                messages == nullptr ? "" : messages->Get(0)->message()->str()};
    }

    SimDisk disk_;
    std::unique_ptr<ServiceRig> rig_;
    PeerDouble* peer_ = nullptr;
    engine::PartitionKey key_;
};

TEST_F(CompactRecordsTest, AnswersWithATicketAndLaterWithWhatWasDone) {
    for (int i = 0; i < 40; ++i) {
        EXPECT_EQ(produce(keyed(fmt::format("k{}", i % 4), std::string(500, 'v'))).first, 0);
    }
    const auto begun = compact(key_);
    EXPECT_EQ(begun.row.error(), 0);
    EXPECT_EQ(begun.row.finished(), 0);
    EXPECT_GT(begun.row.ticket(), 0U);
    // Whoever asks meanwhile hears of the same one.
    EXPECT_EQ(compact(key_).row.ticket(), begun.row.ticket());
    auto later = begun;
    for (int tries = 0; tries < 1000 && later.row.finished() == 0; ++tries) {
        rig_->advance(std::chrono::milliseconds(10));
        later = compact(key_, begun.row.ticket());
    }
    EXPECT_EQ(later.row.finished(), 1);
    EXPECT_EQ(later.row.error(), 0);
    EXPECT_GT(later.row.records_before(), 30U);
    EXPECT_EQ(later.row.records_after(), 4U);
    EXPECT_LT(later.row.bytes_after(), later.row.bytes_before());
    EXPECT_LE(later.row.segments_after(), later.row.segments_before());
    // It can be asked again, and the next one is another one.
    EXPECT_EQ(compact(key_, begun.row.ticket()).row.finished(), 1);
    EXPECT_GT(compact(key_).row.ticket(), begun.row.ticket());
}

TEST_F(CompactRecordsTest, RefusesWhatIsNotThereOrNotCompacted) {
    const engine::PartitionKey plain{create(*rig_, *peer_, "plain", 1), 0};
    const auto refused = compact(plain);
    EXPECT_EQ(refused.row.error(), static_cast<std::uint16_t>(ErrorCode::invalid_config));
    EXPECT_THAT(refused.message, HasSubstr("cleanup.policy=compact"));
    EXPECT_EQ(compact({key_.topic, 7}).row.error(),
              static_cast<std::uint16_t>(ErrorCode::unknown_partition));
    EXPECT_EQ(compact({engine::TopicId{{9}}, 0}).row.error(),
              static_cast<std::uint16_t>(ErrorCode::unknown_topic));
    EXPECT_EQ(compact(key_, 99).row.error(), static_cast<std::uint16_t>(ErrorCode::timed_out));
}

TEST_F(CompactRecordsTest, HoldsUpNoStop) {
    for (int i = 0; i < 40; ++i)
        produce(keyed(fmt::format("k{}", i % 4), std::string(500, 'v')));
    EXPECT_EQ(compact(key_).row.finished(), 0);
    EXPECT_TRUE(rig_->stop());
}

TEST_F(CompactRecordsTest, TakesNoRecordWithoutAKey) {
    auto refused = produce(batch_of({"value"}));
    EXPECT_EQ(refused.first, static_cast<std::uint16_t>(ErrorCode::invalid_record));
    EXPECT_THAT(refused.second, HasSubstr("Record 0 (from 0) has no key"));
    EXPECT_THAT(refused.second, HasSubstr("state"));
    EXPECT_EQ(produce(keyed("key", "value", engine::Codec::zstd)).first, 0);
    engine::BatchBuilder builder;
    builder.append({.timestamp = 1'700'000'000'000});
    const auto batch = builder.finish(engine::Codec::zstd);
    refused = produce({batch->begin(), batch->end()});
    EXPECT_EQ(refused.first, static_cast<std::uint16_t>(ErrorCode::invalid_record));
    const auto bomb = keyed("key", std::string(33U << 20U, '0'), engine::Codec::zstd);
    refused = produce(bomb);
    EXPECT_EQ(refused.first, static_cast<std::uint16_t>(ErrorCode::message_too_large));
    EXPECT_THAT(refused.second, HasSubstr("becomes larger"));
}

}  // namespace

}  // namespace millrace::testing
