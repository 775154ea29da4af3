// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Builder and reader together: what one writes the other reads.
#include "engine/format/batch_builder.h"

#include "engine/format/batch_check.h"
#include "engine/format/batch_reader.h"
#include "engine/units.h"
#include "tests/engine/format/batch_bytes.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace millrace::engine::testing {
namespace {

constexpr TimestampMs kTime = 1'700'000'000'000;
constexpr std::array kCodecs = {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};

ByteVector copy_of(Bytes bytes) {
    return {bytes.begin(), bytes.end()};
}

TEST(BatchBuilder, BuildsTheBytesThatKafkaBuilds) {
    const std::array headers = {HeaderView{.key = bytes_of("h"), .value = bytes_of("x")}};
    BatchBuilder builder;
    builder.append({.timestamp = kTime,
                    .key = bytes_of("k1"),
                    .value = bytes_of("v1"),
                    .headers = headers});
    builder.append({.timestamp = kTime + 5, .key = bytes_of("k2"), .headers = {}});
    const auto built = builder.finish(Codec::none);
    ASSERT_TRUE(built);
    auto batch = copy_of(*built);
    EXPECT_EQ(BatchView::trusted(batch.data()).leader_epoch(), -1);
    set_batch_place(batch.data(), Offset(0), 0);
    EXPECT_EQ(batch, two_records());
}

TEST(BatchBuilder, KnowsItsSizeBeforehand) {
    const std::array headers = {HeaderView{.key = bytes_of("name"), .value = {}}};
    const std::string large(300, 'x');
    BatchBuilder builder;
    for (int i = 0; i < 200; ++i) {
        const RecordParts record{.timestamp = kTime - i * 1000,
                                 .key = bytes_of("key"),
                                 .value = bytes_of(large).first(static_cast<std::size_t>(i)),
                                 .headers = headers};
        const auto promised = builder.size_with(record);
        builder.append(record);
        ASSERT_EQ(builder.size(), promised);
    }
    EXPECT_EQ(builder.record_count(), 200);
    EXPECT_EQ(builder.finish(Codec::none)->size(), builder.size());
}

TEST(BatchBuilder, StartsAnewAfterClear) {
    BatchBuilder builder;
    builder.append({.timestamp = 5, .value = bytes_of("a"), .headers = {}});
    builder.append({.timestamp = 9, .value = bytes_of("b"), .headers = {}});
    builder.clear();
    EXPECT_EQ(builder.record_count(), 0);
    builder.append({.timestamp = 7, .value = bytes_of("c"), .headers = {}});
    const auto check = check_batch(*builder.finish(Codec::none));
    ASSERT_TRUE(check);
    EXPECT_EQ(check->record_count, 1);
    EXPECT_EQ(check->max_timestamp, 7);
    EXPECT_FALSE(check->max_timestamp_is_wrong);
}

struct Sample {
    TimestampMs timestamp = 0;
    std::optional<std::string> key;
    std::optional<std::string> value;
    std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

std::optional<std::string> some_text(std::mt19937& random) {
    const auto kind = random() % 8;
    if (kind == 0) return std::nullopt;
    if (kind == 1) return std::string();
    std::string text(random() % (kind == 2 ? 20'000 : 200), 'a');
    for (auto& letter : text)
        letter = static_cast<char>('a' + random() % 7);
    return text;
}

Sample some_record(std::mt19937& random) {
    Sample sample;
    sample.timestamp = kTime + static_cast<TimestampMs>(random() % 2'000'000) - 1'000'000;
    sample.key = some_text(random);
    sample.value = some_text(random);
    for (auto count = random() % 4; count > 0; --count) {
        sample.headers.emplace_back(some_text(random).value_or("same"), some_text(random));
    }
    return sample;
}

std::optional<Bytes> view(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    return bytes_of(*text);
}

void append(BatchBuilder& builder, const Sample& sample) {
    std::vector<HeaderView> headers;
    for (const auto& [key, value] : sample.headers) {
        headers.push_back({.key = bytes_of(key), .value = view(value)});
    }
    builder.append({.timestamp = sample.timestamp,
                    .key = view(sample.key),
                    .value = view(sample.value),
                    .headers = headers});
}

void expect_same(const BatchReader::Item& item, const Sample& sample) {
    const auto text = [](const std::optional<Bytes>& bytes) -> std::optional<std::string> {
        if (!bytes) return std::nullopt;
        return text_of(*bytes);
    };
    ASSERT_EQ(item.timestamp, sample.timestamp);
    ASSERT_EQ(text(item.record.key), sample.key);
    ASSERT_EQ(text(item.record.value), sample.value);
    ASSERT_EQ(item.record.header_count, static_cast<std::int32_t>(sample.headers.size()));
    auto rest = item.record.headers;
    for (const auto& [key, value] : sample.headers) {
        const auto header = take_header(rest);
        ASSERT_TRUE(header);
        ASSERT_EQ(text_of(header->key), key);
        ASSERT_EQ(text(header->value), value);
    }
    ASSERT_TRUE(rest.empty());
}

TEST(BatchReader, ReadsBackWhatWasBuiltWithEveryCodec) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    BatchBuilder builder;
    BatchReader reader;
    for (int round = 0; round < 10; ++round) {
        builder.clear();
        std::vector<Sample> samples(1 + random() % 50);
        for (auto& sample : samples) {
            sample = some_record(random);
            append(builder, sample);
        }
        for (const auto codec : kCodecs) {
            const auto built = builder.finish(codec);
            ASSERT_TRUE(built);
            auto batch = copy_of(*built);
            set_batch_place(batch.data(), Offset(1'000), 3);
            const auto parsed = BatchView::parse(batch);
            ASSERT_TRUE(parsed);
            ASSERT_TRUE(parsed->crc_is_right());
            ASSERT_EQ(parsed->codec(), codec);
            ASSERT_TRUE(reader.open(*parsed, 16 * kMiB));
            for (std::size_t i = 0; i < samples.size(); ++i) {
                const auto item = reader.next();
                ASSERT_TRUE(item);
                ASSERT_TRUE(*item);
                ASSERT_EQ((*item)->offset, Offset(1'000) + static_cast<std::int64_t>(i));
                expect_same(**item, samples[i]);
            }
            const auto end = reader.next();
            ASSERT_TRUE(end);
            ASSERT_FALSE(*end);
        }
    }
}

TEST(BatchReader, UnderLogAppendTimeEveryRecordHasTheTimeOfTheBatch) {
    auto bytes = two_records();
    set_batch_append_time(bytes.data(), kTime + 99);
    BatchReader reader;
    ASSERT_TRUE(reader.open(*BatchView::parse(bytes), kMiB));
    EXPECT_EQ((*reader.next())->timestamp, kTime + 99);
    EXPECT_EQ((*reader.next())->timestamp, kTime + 99);
    EXPECT_FALSE(*reader.next());
}

TEST(BatchReader, FindsNothingInAnEmptiedBatch) {
    const auto bytes = emptied_batch();
    BatchReader reader;
    ASSERT_TRUE(reader.open(*BatchView::parse(bytes), kMiB));
    const auto item = reader.next();
    ASSERT_TRUE(item);
    EXPECT_FALSE(*item);
}

// One record of two is gone; the place of the other one stays.
TEST(BatchReader, TakesTheHolesThatCompactionLeaves) {
    auto bytes = two_records();
    bytes.erase(bytes.begin() + kBatchHeaderBytes, bytes.begin() + kBatchHeaderBytes + 15);
    store_big(bytes.data() + batch_at::kBatchLength,
              static_cast<std::int32_t>(bytes.size() - kBatchPrefixBytes));
    store_big(bytes.data() + batch_at::kRecordCount, std::int32_t{1});
    set_batch_place(bytes.data(), Offset(10), 0);
    BatchReader reader;
    ASSERT_TRUE(reader.open(*BatchView::parse(bytes), kMiB));
    const auto item = reader.next();
    ASSERT_TRUE(item);
    ASSERT_TRUE(*item);
    EXPECT_EQ((*item)->offset, Offset(11));
    EXPECT_EQ((*item)->timestamp, kTime + 5);
}

// How many records come before the reader refuses; -1 when it never does.
int records_before_refusal(const ByteVector& bytes) {
    const auto batch = BatchView::parse(bytes);
    EXPECT_TRUE(batch);
    BatchReader reader;
    if (!reader.open(*batch, kMiB)) return 0;
    for (int count = 0;; ++count) {
        const auto item = reader.next();
        if (!item) return count;
        if (!*item) return -1;
    }
}

TEST(BatchReader, RefusesRecordsThatLeaveTheirBatch) {
    EXPECT_EQ(records_before_refusal(two_records()), -1);
    auto bytes = two_records();
    store_big(bytes.data() + batch_at::kLastOffsetDelta, std::int32_t{0});
    EXPECT_EQ(records_before_refusal(bytes), 1) << "second offset beyond the last";
    bytes = two_records();
    store_big(bytes.data() + batch_at::kRecordCount, std::int32_t{1});
    EXPECT_EQ(records_before_refusal(bytes), 1) << "bytes behind the last record";
    bytes = two_records();
    store_big(bytes.data() + batch_at::kRecordCount, std::int32_t{3});
    EXPECT_EQ(records_before_refusal(bytes), 2) << "a record too few";
    bytes = two_records();
    store_big(bytes.data() + batch_at::kRecordCount, std::int32_t{-1});
    EXPECT_EQ(records_before_refusal(bytes), 0) << "negative count";
    bytes = two_records();
    bytes[kBatchHeaderBytes + 15 + 3] = std::byte{0};
    EXPECT_EQ(records_before_refusal(bytes), 1) << "offset going back";
    bytes = two_records();
    store_big(bytes.data() + batch_at::kBaseTimestamp, INT64_MAX);
    EXPECT_EQ(records_before_refusal(bytes), 1) << "time beyond 64 bits";
    bytes = two_records();
    store_big(bytes.data() + batch_at::kAttributes, std::uint16_t{5});
    EXPECT_EQ(records_before_refusal(bytes), 0) << "unknown codec";
}

TEST(BatchReader, OpensAtMostAsMuchAsAllowed) {
    const std::string large(100'000, 'x');
    BatchBuilder builder;
    builder.append({.timestamp = kTime, .value = bytes_of(large), .headers = {}});
    const auto records = builder.size() - kBatchHeaderBytes;
    BatchReader reader;
    for (const auto codec : kCodecs) {
        if (codec == Codec::none) continue;
        const auto batch = copy_of(*builder.finish(codec));
        EXPECT_TRUE(reader.open(*BatchView::parse(batch), records));
        const auto refused = reader.open(*BatchView::parse(batch), records - 1);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::batch_too_large);
    }
}

}  // namespace
}  // namespace millrace::engine::testing
