// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Compressed batches that are not what they seem. The broker stores them unopened, so on their way
// in they are bytes like any others; whoever opens them, the broker in a search by time or a
// reader, does so with a bound.
#include "engine/format/batch_reader.h"
#include "engine/format/compression.h"
#include "tests/engine/format/batch_bytes.h"
#include "tests/hostile/hostile_fixture.h"

#include <array>
#include <lz4frame.h>

namespace millrace::testing {
namespace {

using engine::Codec;
using engine::Errc;
using engine::store_big;
namespace batch_at = engine::batch_at;

using ByteVector = std::vector<std::byte>;

constexpr std::int64_t kTime = 1'700'000'000'000;
constexpr std::uint64_t kMiB = 1U << 20;
constexpr std::size_t kReaderBytesMax = kMiB;
constexpr std::array kCodecs{Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};

ByteVector compressed(Codec codec, engine::Bytes from) {
    ByteVector bytes;
    EXPECT_TRUE(engine::compress(codec, from, bytes));
    return bytes;
}

// The records of a batch of that value, as they are before they are compressed.
ByteVector records_of(const std::string& value) {
    const auto batch = batch_of({value}, kTime);
    return {batch.begin() + engine::kBatchHeaderBytes, batch.end()};
}

// A batch of one record whose compressed records are said to be these.
ByteVector batch_around(Codec codec, const ByteVector& records) {
    auto batch = batch_of({""}, kTime);
    batch.resize(engine::kBatchHeaderBytes);
    batch.insert(batch.end(), records.begin(), records.end());
    store_big(batch.data() + batch_at::kBatchLength,
              static_cast<std::int32_t>(batch.size() - engine::kBatchPrefixBytes));
    store_big(batch.data() + batch_at::kAttributes, static_cast<std::uint16_t>(codec));
    engine::testing::renew_checksum(batch);
    return batch;
}

// An lz4 frame that announces `size` bytes and holds two.
ByteVector lz4_with_size(std::uint64_t size) {
    LZ4F_cctx* context = nullptr;
    EXPECT_FALSE(LZ4F_isError(LZ4F_createCompressionContext(&context, LZ4F_VERSION)));
    LZ4F_preferences_t preferences{};
    preferences.frameInfo.contentSize = size;
    preferences.autoFlush = 1;
    ByteVector bytes(1024);
    auto used = LZ4F_compressBegin(context, bytes.data(), bytes.size(), &preferences);
    used += LZ4F_compressUpdate(
            context, bytes.data() + used, bytes.size() - used, "ab", 2, nullptr);
    LZ4F_freeCompressionContext(context);
    bytes.resize(used + 4);  // Four zeros end a frame.
    return bytes;
}

// What a reader of that bound makes of the batch.
engine::Result<void> read_with_bound(const ByteVector& batch) {
    const auto view = engine::BatchView::parse(batch);
    EXPECT_TRUE(view);
    engine::BatchReader reader;
    if (auto opened = reader.open(*view, kReaderBytesMax); !opened) return opened;
    for (;;) {
        const auto item = reader.next();
        if (!item) return std::unexpected(item.error());
        if (!*item) return {};
    }
}

bool is_corrupt(const engine::Result<void>& result) {
    return !result && result.error().code == engine::Errc::corrupt_batch;
}

// The first record at or above the time of all of them, found by opening what lies there.
std::string search_error(RawClient& client, const engine::PartitionKey& key) {
    const auto answer = client.ask(list_offsets_request(key, kTime));
    const auto* response = answer.as<wire::ListOffsetsResponse>();
    if (response == nullptr || response->partitions() == nullptr) return error_of(answer);
    return name_of(response->partitions()->Get(0)->error());
}

// A consumer gets the bytes that were sent, to judge for itself.
void expect_fetched(RawClient& client, const engine::PartitionKey& key, const ByteVector& batch) {
    const auto answer = client.ask(fetch_request({{key}}, {.wait_max_ms = 0}));
    ASSERT_GE(answer.payload.size(), batch.size());
    EXPECT_TRUE(std::equal(batch.begin() + batch_at::kMagic,
                           batch.end(),
                           answer.payload.begin() + batch_at::kMagic));
}

TEST_F(Hostile, Batches_46_BombInEachCodec) {
    const auto topic = create_topic("bombs", kCodecs.size());
    auto client = connect();
    // Half a megabyte at most, which becomes one record of 136 MiB; snappy, whose format cannot do
    // more than 21 for 1, gets as much as a batch may hold.
    for (std::uint32_t number = 0; number < kCodecs.size(); ++number) {
        SCOPED_TRACE(number);
        const auto codec = kCodecs[number];
        const engine::PartitionKey key{topic, number};
        const auto size = (codec == Codec::snappy ? 20 : 136) * kMiB;
        const auto bomb =
                batch_around(codec, compressed(codec, records_of(std::string(size, 'x'))));
        ASSERT_LT(bomb.size(), kMiB);
        EXPECT_EQ(produce_error(client, key, bomb), "none");
        expect_fetched(client, key, bomb);
        EXPECT_EQ(read_with_bound(bomb), engine::failure(Errc::batch_too_large));
    }
    EXPECT_LT(memory_growth(), 32 * kMiB) << "a bomb was opened on its way";
    // A search opens at most 16 MiB, in a buffer that doubles as it grows, and is answered by the
    // first record of what would become larger.
    memory_growth_max = std::max(memory_growth_max, 48 * kMiB);
    for (std::uint32_t number = 0; number < kCodecs.size(); ++number) {
        EXPECT_EQ(search_error(client, {topic, number}), "none") << number;
        expect_honest_service();
    }
    delete_topic("bombs");
}

// Records inside records do not exist in this format: what is inside is opened once, and is then
// no record.
TEST_F(Hostile, Batches_47_NestedCompression) {
    const auto topic = create_topic("nested", kCodecs.size());
    auto client = connect();
    for (std::uint32_t number = 0; number < kCodecs.size(); ++number) {
        SCOPED_TRACE(number);
        const auto codec = kCodecs[number];
        const engine::PartitionKey key{topic, number};
        auto bytes = records_of("a record");
        EXPECT_TRUE(read_with_bound(batch_around(codec, compressed(codec, bytes))));
        for (int level = 0; level < 20; ++level)
            bytes = compressed(codec, bytes);
        const auto nested = batch_around(codec, bytes);
        EXPECT_TRUE(is_corrupt(read_with_bound(nested)));
        EXPECT_EQ(produce_error(client, key, nested), "none");
        EXPECT_EQ(search_error(client, key), "damaged_range");
        // A whole batch as a record's value is a value.
        const auto inner = batch_around(codec, compressed(codec, records_of("inside")));
        const std::string value(reinterpret_cast<const char*>(inner.data()), inner.size());
        EXPECT_TRUE(read_with_bound(batch_around(codec, compressed(codec, records_of(value)))));
    }
    EXPECT_LT(memory_growth(), 32 * kMiB);
    delete_topic("nested");
}

TEST_F(Hostile, Batches_48_DeclaredSizeLies) {
    using engine::testing::from_hex;
    const auto records = records_of(std::string(1'000, 'x'));
    std::vector<std::pair<Codec, ByteVector>> lies;
    // gzip: the size in the trailer.
    auto gzip = compressed(Codec::gzip, records);
    for (const auto byte : std::vector<std::uint8_t>{0x00, 0xFF}) {
        std::fill(gzip.end() - 4, gzip.end(), std::byte{byte});
        lies.emplace_back(Codec::gzip, gzip);
    }
    // snappy: the size in front of a bare block, 4 GiB and 100 MiB, and that of a stream's block.
    lies.emplace_back(Codec::snappy, from_hex("ff ff ff ff 0f 00 61"));
    lies.emplace_back(Codec::snappy, from_hex("80 80 80 32 00 61"));
    lies.emplace_back(Codec::snappy,
                      from_hex("82 53 4e 41 50 50 59 00 00000001 00000001 ffffffff 01 00 61"));
    // lz4: a frame with content size 2^62, then none of it (its header's checksum is right).
    lies.emplace_back(Codec::lz4, lz4_with_size(1ULL << 62));
    lies.emplace_back(Codec::lz4, lz4_with_size(1));
    // zstd: one segment of 2^62 bytes, of which one comes; and one of 1 that is 5 long.
    lies.emplace_back(Codec::zstd, from_hex("28 b5 2f fd e0 0000000000000040 090000 61"));
    lies.emplace_back(Codec::zstd, from_hex("28 b5 2f fd 20 01 290000 6161616161"));
    // zstd: a window of 2 GiB for one byte.
    lies.emplace_back(Codec::zstd, from_hex("28 b5 2f fd 00 a8 090000 61"));
    const auto topic = create_topic("lies", static_cast<std::uint32_t>(lies.size()));
    auto client = connect();
    for (std::uint32_t number = 0; number < lies.size(); ++number) {
        SCOPED_TRACE(number);
        const auto batch = batch_around(lies[number].first, lies[number].second);
        EXPECT_TRUE(is_corrupt(read_with_bound(batch)));
        EXPECT_EQ(produce_error(client, {topic, number}, batch), "none");
        EXPECT_EQ(search_error(client, {topic, number}), "damaged_range");
    }
    EXPECT_LT(memory_growth(), 32 * kMiB);
    delete_topic("lies");
}

}  // namespace
}  // namespace millrace::testing
