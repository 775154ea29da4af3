// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/batch_check.h"

#include "engine/format/batch_builder.h"
#include "tests/engine/format/batch_bytes.h"

#include <gtest/gtest.h>

#include <limits>

namespace millrace::engine::testing {
namespace {

constexpr TimestampMs kTime = 1'700'000'000'000;

template <class T>
ByteVector with(std::uint32_t position, T value, ByteVector batch = two_records()) {
    return with_field(std::move(batch), position, value);
}

ByteVector with_records(std::string_view hex, std::int32_t count) {
    return with_records_of(two_records(), hex, count);
}

Errc refusal(const ByteVector& batch) {
    const auto check = check_batch(batch);
    EXPECT_FALSE(check);
    return check ? Errc::io_failed : check.error().code;
}

TEST(BatchCheck, TakesAGoodBatchAndLeavesWhatComesBehindIt) {
    const auto check = check_batch(joined({two_records(), from_hex("ffff")}));
    ASSERT_TRUE(check);
    EXPECT_EQ(check->size, 85U);
    EXPECT_EQ(check->record_count, 2);
    EXPECT_EQ(check->max_timestamp, kTime + 5);
    EXPECT_FALSE(check->max_timestamp_is_wrong);
}

TEST(BatchCheck, FindsTheRightTimestampWhereTheHeaderIsWrong) {
    for (const TimestampMs wrong : {kTime, kTime + 6, TimestampMs{-1}}) {
        const auto check = check_batch(with(batch_at::kMaxTimestamp, wrong));
        ASSERT_TRUE(check);
        EXPECT_TRUE(check->max_timestamp_is_wrong);
        EXPECT_EQ(check->max_timestamp, kTime + 5);
    }
}

TEST(BatchCheck, RefusesAFlipOfAnyBit) {
    const auto whole = two_records();
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        auto bytes = whole;
        bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        const bool of_epoch = bit / 8 >= batch_at::kLeaderEpoch && bit / 8 < batch_at::kMagic;
        EXPECT_EQ(check_batch(bytes).has_value(), of_epoch) << "bit " << bit;
    }
}

TEST(BatchCheck, RefusesEveryPrefix) {
    const auto whole = two_records();
    for (std::size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(check_batch(Bytes(whole).first(length))) << length;
    }
}

TEST(BatchCheck, RefusesCountsThatDisagree) {
    for (const std::int32_t count : {0, -1, 1, 3, std::numeric_limits<std::int32_t>::max()}) {
        EXPECT_EQ(refusal(with(batch_at::kRecordCount, count)), Errc::corrupt_batch) << count;
    }
    for (const std::int32_t delta : {-1, 0, 2, std::numeric_limits<std::int32_t>::max()}) {
        EXPECT_EQ(refusal(with(batch_at::kLastOffsetDelta, delta)), Errc::corrupt_batch) << delta;
    }
    EXPECT_EQ(refusal(emptied_batch()), Errc::corrupt_batch);
}

TEST(BatchCheck, RefusesABaseOffsetThatIsTheBrokersToGive) {
    EXPECT_EQ(refusal(with(batch_at::kBaseOffset, std::int64_t{1})), Errc::corrupt_batch);
    EXPECT_EQ(refusal(with(batch_at::kBaseOffset, std::int64_t{-1})), Errc::corrupt_batch);
    EXPECT_TRUE(check_batch(with(batch_at::kBaseOffset, std::int64_t{0})));
}

TEST(BatchCheck, RefusesWhatIsNotSupported) {
    for (const auto bits : {kTransactionalBit,
                            kControlBit,
                            kDeleteHorizonBit,
                            std::uint16_t{5},
                            std::uint16_t{6},
                            std::uint16_t{7}}) {
        EXPECT_EQ(refusal(with(batch_at::kAttributes, bits)), Errc::unsupported_batch) << bits;
    }
    EXPECT_EQ(refusal(with(batch_at::kMagic, std::int8_t{1})), Errc::unsupported_batch);
    EXPECT_EQ(refusal(with(batch_at::kAttributes, kLogAppendTimeBit)), Errc::invalid_timestamp);
}

TEST(BatchCheck, WantsEpochAndSequenceOfAProducer) {
    const auto sent = [](std::int64_t id, std::int16_t epoch, std::int32_t sequence) {
        return with(batch_at::kBaseSequence,
                    sequence,
                    with(batch_at::kProducerEpoch, epoch, with(batch_at::kProducerId, id)));
    };
    EXPECT_TRUE(check_batch(sent(0, 0, 0)));
    EXPECT_TRUE(check_batch(sent(4711, 3, 2'147'483'647)));
    EXPECT_EQ(refusal(sent(4711, -1, 0)), Errc::corrupt_batch);
    EXPECT_EQ(refusal(sent(4711, 0, -1)), Errc::corrupt_batch);
    EXPECT_TRUE(check_batch(sent(-1, -1, -1)));
}

TEST(BatchCheck, KeepsAttributesThatHaveNoMeaningYet) {
    EXPECT_TRUE(check_batch(with(batch_at::kAttributes, std::uint16_t{0x8000})));
}

// Each differs from a good pair of records in one place.
TEST(BatchCheck, RefusesRecordsThatDoNotFillTheBatchAsCounted) {
    constexpr std::string_view kFirst = "0c 00 00 00 01 01 00 ";
    constexpr std::string_view kSecond = "0c 00 00 02 01 01 00 ";
    const auto records = [&](std::string_view first, std::string_view second, auto... more) {
        return (std::string(first) + ... + std::string(more)).append(second);
    };
    EXPECT_TRUE(check_batch(with_records(records(kFirst, kSecond), 2)));
    const auto refused = [](const std::string& hex, std::int32_t count) {
        return refusal(with_records(hex, count)) == Errc::corrupt_batch;
    };
    EXPECT_TRUE(refused(records(kFirst, kFirst), 2)) << "offset twice";
    EXPECT_TRUE(refused(records(kSecond, kFirst), 2)) << "offset going back";
    EXPECT_TRUE(refused(records(kFirst, "0c 00 00 04 01 01 00"), 2)) << "hole";
    EXPECT_TRUE(refused(records(kFirst, "0c 00 00 01 01 01 00"), 2)) << "negative offset";
    EXPECT_TRUE(refused(std::string(kFirst), 2)) << "one too few";
    EXPECT_TRUE(refused(records(kFirst, kSecond), 1)) << "one too many";
    EXPECT_TRUE(refused(records(kFirst, kSecond, "00"), 2)) << "byte in between";
    EXPECT_TRUE(refused(records(kFirst, std::string(kSecond) + "00"), 2)) << "byte behind";
    EXPECT_TRUE(refused(records(kFirst, "0a 00 00 02 01 01 00"), 2)) << "length too small";
    EXPECT_TRUE(refused(records(kFirst, "0e 00 00 02 01 01 00"), 2)) << "length too large";
    EXPECT_TRUE(refused("", 1)) << "no record";
}

TEST(BatchCheck, RefusesTimestampsBeyondTheirRange) {
    // The largest delta upon a base of today.
    const auto batch = with_records("1e 00 fe ff ff ff ff ff ff ff ff 01 00 01 01 00", 1);
    EXPECT_EQ(refusal(batch), Errc::corrupt_batch);
}

TEST(BatchCheck, TakesNoTimestampBelowTheOneThatStandsForNone) {
    for (const auto& [time, good] : {std::pair{-1, true}, {-2, false}, {-1'000, false}}) {
        for (const auto codec : {Codec::none, Codec::zstd}) {
            BatchBuilder builder;
            builder.append({.timestamp = time, .value = bytes_of("value")});
            const auto built = builder.finish(codec);
            ASSERT_TRUE(built);
            const auto check = check_batch(*built);
            ASSERT_EQ(check.has_value(), good) << time;
            if (!good) {
                EXPECT_EQ(check.error().code, Errc::invalid_timestamp);
            }
        }
    }
}

TEST(BatchCheck, DoesNotOpenACompressedBatch) {
    BatchBuilder builder;
    builder.append({.timestamp = kTime, .value = bytes_of("value")});
    for (const auto codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
        const auto built = builder.finish(codec);
        ASSERT_TRUE(built);
        ByteVector batch(built->begin(), built->end());
        ASSERT_TRUE(check_batch(batch));
        batch.back() ^= std::byte{1};
        EXPECT_EQ(refusal(batch), Errc::corrupt_batch);
        renew_checksum(batch);
        const auto check = check_batch(batch);
        ASSERT_TRUE(check);
        EXPECT_EQ(check->record_count, 1);
        EXPECT_EQ(check->max_timestamp, kTime);
        EXPECT_FALSE(check->max_timestamp_is_wrong);
    }
}

}  // namespace
}  // namespace millrace::engine::testing
