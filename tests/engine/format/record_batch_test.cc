// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/record_batch.h"

#include "tests/engine/format/batch_bytes.h"

#include <gtest/gtest.h>

#include <limits>

namespace millrace::engine::testing {
namespace {

constexpr TimestampMs kTime = 1'700'000'000'000;

TEST(RecordBatch, ReadsEveryFieldOfAHeaderWrittenByHand) {
    const auto bytes = transactional_batch();
    const auto batch = BatchView::parse(bytes);
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->size(), 69U);
    EXPECT_EQ(batch->bytes().size(), 69U);
    EXPECT_EQ(batch->records().size(), 8U);
    EXPECT_EQ(batch->base_offset(), Offset(2));
    EXPECT_EQ(batch->last_offset(), Offset(2));
    EXPECT_EQ(batch->next_offset(), Offset(3));
    EXPECT_EQ(batch->leader_epoch(), 0);
    EXPECT_EQ(batch->crc(), 0x94228149U);
    EXPECT_EQ(batch->attributes(), kTransactionalBit);
    EXPECT_EQ(batch->codec(), Codec::none);
    EXPECT_FALSE(batch->log_append_time());
    EXPECT_FALSE(batch->control());
    EXPECT_EQ(batch->base_timestamp(), kTime + 6);
    EXPECT_EQ(batch->max_timestamp(), kTime + 6);
    EXPECT_EQ(batch->producer_id(), 4711);
    EXPECT_EQ(batch->producer_epoch(), 3);
    EXPECT_EQ(batch->base_sequence(), 0);
    EXPECT_EQ(batch->record_count(), 1);
}

TEST(RecordBatch, AgreesWithTheChecksumsOfKafka) {
    for (const auto& bytes :
         {two_records(), transactional_batch(), commit_marker(), emptied_batch()}) {
        const auto batch = BatchView::parse(bytes);
        ASSERT_TRUE(batch);
        EXPECT_EQ(batch->size(), bytes.size());
        EXPECT_TRUE(batch->crc_is_right());
    }
    EXPECT_TRUE(BatchView::parse(commit_marker())->control());
    EXPECT_EQ(BatchView::parse(emptied_batch())->next_offset(), Offset(8));
}

TEST(RecordBatch, TheChecksumCoversEveryBitFromTheAttributesOnAndNoneBefore) {
    const auto whole = two_records();
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        auto bytes = whole;
        bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        const auto batch = BatchView::parse(bytes);
        const bool of_length =
                bit / 8 >= batch_at::kBatchLength && bit / 8 < batch_at::kLeaderEpoch;
        if (!batch || of_length) continue;
        const bool covered = bit / 8 >= batch_at::kCrc;
        EXPECT_EQ(batch->crc_is_right(), !covered) << "bit " << bit;
    }
}

TEST(RecordBatch, ParsesTheFirstOfMany) {
    const auto bytes = joined({two_records(), transactional_batch()});
    const auto first = BatchView::parse(bytes);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->size(), 85U);
    const auto second = BatchView::parse(Bytes(bytes).subspan(first->size()));
    ASSERT_TRUE(second);
    EXPECT_EQ(second->base_offset(), Offset(2));
}

TEST(RecordBatch, RefusesEveryPrefix) {
    const auto bytes = two_records();
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        const auto batch = BatchView::parse(Bytes(bytes).first(length));
        ASSERT_FALSE(batch) << length;
        EXPECT_EQ(batch.error().code, Errc::corrupt_batch) << length;
    }
}

TEST(RecordBatch, RefusesLengthsThatCannotBe) {
    for (const std::int32_t length : {-1,
                                      0,
                                      48,
                                      74,
                                      std::numeric_limits<std::int32_t>::max(),
                                      std::numeric_limits<std::int32_t>::min()}) {
        auto bytes = two_records();
        store_big(bytes.data() + batch_at::kBatchLength, length);
        EXPECT_FALSE(BatchView::parse(bytes)) << length;
    }
    auto bytes = two_records();
    store_big(bytes.data() + batch_at::kBatchLength, std::int32_t{49});
    EXPECT_TRUE(BatchView::parse(bytes));
}

TEST(RecordBatch, RefusesOlderAndNewerFormats) {
    for (const int magic : {-1, 0, 1, 3}) {
        auto bytes = two_records();
        store_big(bytes.data() + batch_at::kMagic, static_cast<std::int8_t>(magic));
        const auto batch = BatchView::parse(bytes);
        ASSERT_FALSE(batch);
        EXPECT_EQ(batch.error().code, Errc::unsupported_batch);
    }
}

TEST(RecordBatch, RefusesOffsetsThatWouldOverflow) {
    for (const std::int64_t base : {std::int64_t{-1},
                                    std::numeric_limits<std::int64_t>::max(),
                                    std::numeric_limits<std::int64_t>::min()}) {
        auto bytes = two_records();
        store_big(bytes.data() + batch_at::kBaseOffset, base);
        EXPECT_FALSE(BatchView::parse(bytes)) << base;
    }
    auto bytes = two_records();
    store_big(bytes.data() + batch_at::kLastOffsetDelta, std::int32_t{-1});
    EXPECT_FALSE(BatchView::parse(bytes));
}

TEST(RecordBatch, ABrokerAssignsItsPlaceWithoutTouchingTheChecksum) {
    auto bytes = two_records();
    set_batch_place(bytes.data(), Offset(1'000'000'000'000), 7);
    const auto batch = BatchView::parse(bytes);
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->base_offset(), Offset(1'000'000'000'000));
    EXPECT_EQ(batch->leader_epoch(), 7);
    EXPECT_EQ(batch->crc(), 0xf1759bafU);
    EXPECT_TRUE(batch->crc_is_right());
}

TEST(RecordBatch, TimesGivenByTheBrokerComeWithANewChecksum) {
    auto bytes = two_records();
    set_batch_append_time(bytes.data(), kTime + 99);
    auto batch = BatchView::parse(bytes);
    ASSERT_TRUE(batch);
    EXPECT_TRUE(batch->log_append_time());
    EXPECT_EQ(batch->max_timestamp(), kTime + 99);
    EXPECT_EQ(batch->base_timestamp(), kTime);
    EXPECT_TRUE(batch->crc_is_right());

    bytes = two_records();
    set_batch_max_timestamp(bytes.data(), kTime);
    set_batch_max_timestamp(bytes.data(), kTime + 5);
    EXPECT_EQ(bytes, two_records());
}

}  // namespace
}  // namespace millrace::engine::testing
