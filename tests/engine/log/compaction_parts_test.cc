// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Pieces of compaction by themselves: the map of keys, what is left of one batch, which segments.
#include "engine/format/record_batch.h"
#include "engine/log/compaction/batch_cleaner.h"
#include "engine/log/compaction/compaction_plan.h"
#include "engine/log/compaction/key_map.h"
#include "engine/log/records_checks.h"
#include "engine/units.h"
#include "tests/engine/log/compaction_harness.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace millrace::engine {
namespace {

using testing::keyed_batch;
using testing::KeyedRecord;
using testing::kSomeTime;

Bytes bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

TEST(KeyMap, KnowsTheLastOffsetOfEveryKey) {
    KeyMap map(64 * kMiB, 7);
    std::map<std::string, std::int64_t> model;
    std::mt19937_64 random(1);
    for (std::int64_t offset = 0; offset < 50'000; ++offset) {
        auto key = fmt::format("{}", random() % 20'000);
        key.resize(key.size() + random() % 20, 'x');
        ASSERT_TRUE(map.put(bytes_of(key), Offset(offset)));
        model[key] = offset;
    }
    EXPECT_EQ(map.size(), model.size());
    for (const auto& [key, offset] : model)
        EXPECT_EQ(map.find(bytes_of(key)), Offset(offset));
    EXPECT_FALSE(map.find(bytes_of("never")).has_value());
}

TEST(KeyMap, TellsKeysApartThatAreEmptyOrLong) {
    KeyMap map(8 * kMiB, 7);
    EXPECT_FALSE(map.find({}).has_value());
    EXPECT_TRUE(map.put({}, Offset(1)));
    const std::string zero(1, '\0');
    EXPECT_TRUE(map.put(bytes_of(zero), Offset(2)));
    const std::string zeros(8, '\0');
    EXPECT_TRUE(map.put(bytes_of(zeros), Offset(3)));
    const std::string large(100'000, 'l');
    EXPECT_TRUE(map.put(bytes_of(large), Offset(4)));
    EXPECT_EQ(map.find({}), Offset(1));
    EXPECT_EQ(map.find(bytes_of(zero)), Offset(2));
    EXPECT_EQ(map.find(bytes_of(zeros)), Offset(3));
    EXPECT_EQ(map.find(bytes_of(large)), Offset(4));
}

TEST(KeyMap, RefusesWhatWouldTakeItAboveItsBound) {
    constexpr std::uint64_t kBytes = 1 * kMiB;
    KeyMap map(kBytes, 7);
    std::int64_t taken = 0;
    while (map.put(bytes_of(fmt::format("{:032}", taken)), Offset(taken))) {
        ++taken;
        ASSERT_LE(map.memory_bytes(), kBytes);
    }
    EXPECT_GT(taken, 8'000);
    // What it knows it goes on with.
    EXPECT_TRUE(map.put(bytes_of(fmt::format("{:032}", 5)), Offset(100'000)));
    EXPECT_EQ(map.find(bytes_of(fmt::format("{:032}", 5))), Offset(100'000));
    EXPECT_FALSE(map.put(bytes_of(std::string(2 * kMiB, 'k')), Offset(1)));
    EXPECT_EQ(map.size(), static_cast<std::size_t>(taken));
}

std::vector<std::byte> from_hex(std::string_view digits) {
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        bytes.push_back(
                static_cast<std::byte>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
    }
    return bytes;
}

std::vector<std::byte> at(std::vector<std::byte> batch, std::int64_t base) {
    set_batch_place(batch.data(), Offset(base), 3);
    return batch;
}

struct Cleaned {
    std::vector<std::byte> bytes;
    CleaningCounts counts;
};

Cleaned cleaned(const std::vector<std::byte>& batch,
                const KeyMap& keys,
                bool keep_header = false,
                TimestampMs now = kSomeTime) {
    BatchCleaner cleaner({.keys = &keys, .now = now, .new_horizon = now + 1000});
    Cleaned left;
    cleaner.clean(BatchView::trusted(batch.data()), keep_header, left.bytes);
    left.counts = cleaner.counts();
    return left;
}

TEST(BatchCleaner, LeavesABatchWithoutGarbageByteForByte) {
    KeyMap keys(kMiB, 1);
    ASSERT_TRUE(keys.put(bytes_of("a"), Offset(10)));
    ASSERT_TRUE(keys.put(bytes_of("b"), Offset(3)));
    for (const auto codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
        const auto batch = at(keyed_batch({{"a", "1"}, {"b", "2"}, {"c", "3"}}, codec), 10);
        EXPECT_EQ(cleaned(batch, keys).bytes, batch);
    }
}

TEST(BatchCleaner, KeepsFirstAndLastOffsetOfABatchWhoseEndsGo) {
    KeyMap keys(kMiB, 1);
    ASSERT_TRUE(keys.put(bytes_of("a"), Offset(100)));
    ASSERT_TRUE(keys.put(bytes_of("c"), Offset(100)));
    const auto batch = at(keyed_batch({{"a", "1"}, {"b", "2", kSomeTime + 7}, {"c", "3"}}), 10);
    const auto left = cleaned(batch, keys);
    const auto view = BatchView::parse(left.bytes);
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->size(), left.bytes.size());
    EXPECT_TRUE(view->crc_is_right());
    EXPECT_EQ(view->base_offset(), Offset(10));
    EXPECT_EQ(view->last_offset(), Offset(12));
    EXPECT_EQ(view->leader_epoch(), 3);
    EXPECT_EQ(view->record_count(), 1);
    EXPECT_EQ(view->max_timestamp(), kSomeTime + 7);
    EXPECT_EQ(left.counts.records_before, 3U);
    EXPECT_EQ(left.counts.records_after, 1U);
}

TEST(BatchCleaner, LeavesNothingOfABatchOfGarbageOrItsHeaderAlone) {
    KeyMap keys(kMiB, 1);
    ASSERT_TRUE(keys.put(bytes_of("a"), Offset(100)));
    const auto batch = at(keyed_batch({{"a", "1"}}, Codec::zstd, {77, 2, 5}), 10);
    EXPECT_TRUE(cleaned(batch, keys).bytes.empty());
    const auto left = cleaned(batch, keys, true);
    const auto view = BatchView::parse(left.bytes);
    ASSERT_TRUE(view.has_value());
    EXPECT_TRUE(view->emptied());
    EXPECT_EQ(view->size(), kBatchHeaderBytes);
    EXPECT_TRUE(view->crc_is_right());
    EXPECT_EQ(view->codec(), Codec::none);
    EXPECT_EQ(view->producer_id(), 77);
    EXPECT_EQ(view->base_sequence(), 5);
    EXPECT_EQ(view->base_timestamp(), -1);
    EXPECT_EQ(view->max_timestamp(), kSomeTime);
    // And from then on it is kept or goes as it is.
    EXPECT_EQ(cleaned(left.bytes, keys, true).bytes, left.bytes);
    EXPECT_TRUE(cleaned(left.bytes, keys).bytes.empty());
}

// Read back by Kafka's own classes: offsets 4 to 7 with sequences 1 to 4.
TEST(BatchCleaner, EmptiesABatchAsKafkaDoes) {
    const auto expected = from_hex(
            "0000000000000004000000310000000002e87d791b000000000003ffffffffffffffff0000018bcfe56809"
            "000000000000126700030000000100000000");
    auto batch = keyed_batch({{"a", "1", 1'700'000'000'009},
                              {"a", "2", 1'700'000'000'009},
                              {"a", "3", 1'700'000'000'009},
                              {"a", "4", 1'700'000'000'009}},
                             Codec::none,
                             {4711, 3, 1});
    set_batch_place(batch.data(), Offset(4), 0);
    std::vector<std::byte> emptied;
    append_emptied(BatchView::trusted(batch.data()), emptied);
    EXPECT_EQ(emptied, expected);
}

TEST(BatchCleaner, KeepsRecordsWithoutAKeyAndBatchesThatItCannotOpen) {
    KeyMap keys(kMiB, 1);
    ASSERT_TRUE(keys.put(bytes_of("a"), Offset(100)));
    const auto keyless = at(keyed_batch({{std::nullopt, "1"}, {"a", "2"}}), 10);
    EXPECT_EQ(cleaned(keyless, keys).counts.records_after, 1U);
    auto broken = at(keyed_batch({{"a", "1"}}, Codec::gzip), 10);
    broken.back() ^= std::byte{0xff};
    broken[70] ^= std::byte{0xff};
    const auto left = cleaned(broken, keys);
    EXPECT_EQ(left.bytes, broken);
    EXPECT_EQ(left.counts.unreadable_batches, 1U);
    EXPECT_EQ(left.counts.records_after, 1U);
}

TEST(BatchCleaner, GivesATombstoneItsHorizonOnceAndTakesItWhenThatHasPassed) {
    KeyMap keys(kMiB, 1);
    for (const auto codec : {Codec::none, Codec::lz4}) {
        const auto batch = at(
                keyed_batch({{"a", std::nullopt, kSomeTime + 3}, {"b", "2", kSomeTime + 4}}, codec),
                10);
        const auto first = cleaned(batch, keys);
        const auto view = BatchView::trusted(first.bytes.data());
        EXPECT_TRUE(view.has_delete_horizon());
        EXPECT_EQ(view.base_timestamp(), kSomeTime + 1000);
        EXPECT_EQ(view.max_timestamp(), kSomeTime + 4);
        EXPECT_EQ(view.codec(), codec);
        EXPECT_EQ(cleaned(first.bytes, keys, false, kSomeTime + 1000).bytes, first.bytes);
        const auto last = cleaned(first.bytes, keys, false, kSomeTime + 1001);
        EXPECT_EQ(last.counts.tombstones_removed, 1U);
        EXPECT_EQ(last.counts.records_after, 1U);
        EXPECT_EQ(BatchView::trusted(last.bytes.data()).max_timestamp(), kSomeTime + 4);
    }
}

TEST(RecordsChecks, NameTheRecordThatHasNoKey) {
    std::int32_t record = -1;
    auto batches = keyed_batch({{"a", "1"}, {"b", "2"}});
    const auto second = keyed_batch({{"c", "1"}, {std::nullopt, "2"}});
    EXPECT_TRUE(check_keys(batches, record).has_value());
    batches.insert(batches.end(), second.begin(), second.end());
    EXPECT_EQ(check_keys(batches, record), failure(Errc::missing_key));
    EXPECT_EQ(record, 3);
    const auto compressed = keyed_batch({{"a", "1"}, {std::nullopt, "2"}}, Codec::zstd);
    EXPECT_EQ(check_keys(compressed, record), failure(Errc::records_unchecked));
    EXPECT_EQ(check_opened_keys(compressed, record), failure(Errc::missing_key));
    EXPECT_EQ(record, 1);
    EXPECT_TRUE(check_opened_keys(keyed_batch({{"a", "1"}}, Codec::gzip), record).has_value());
}

TEST(RecordsChecks, RefuseWhatIsNoBatchAndWhatBecomesTooLarge) {
    std::int32_t record = -1;
    auto broken = keyed_batch({{"a", "1"}}, Codec::gzip);
    broken.back() ^= std::byte{1};
    EXPECT_EQ(check_opened_keys(broken, record), failure(Errc::corrupt_batch));
    const auto bomb = keyed_batch({{"a", std::string(33 * kMiB, '0')}}, Codec::zstd);
    EXPECT_LT(bomb.size(), kMiB);
    EXPECT_EQ(check_opened_keys(bomb, record), failure(Errc::batch_too_large));
}

}  // namespace
}  // namespace millrace::engine
