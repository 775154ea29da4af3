// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Record batches whose header or records are wrong, each with a checksum that is right unless the
// checksum is the item.
#include "engine/format/record_batch.h"
#include "tests/engine/format/batch_bytes.h"
#include "tests/hostile/hostile_fixture.h"

#include <limits>
#include <utility>

namespace millrace::testing {
namespace {

using engine::store_big;
using engine::testing::renew_checksum;
using engine::testing::with_field;
using engine::testing::with_records_of;
using namespace std::string_literals;
namespace batch_at = engine::batch_at;

using ByteVector = std::vector<std::byte>;

constexpr auto kInt32Max = std::numeric_limits<std::int32_t>::max();
constexpr auto kInt64Max = std::numeric_limits<std::int64_t>::max();
constexpr auto kInt64Min = std::numeric_limits<std::int64_t>::min();

ByteVector good_batch() {
    return batch_of({"first", "second"});
}

template <class T>
ByteVector with(std::uint32_t position, T value, ByteVector batch = good_batch()) {
    return with_field(std::move(batch), position, value);
}

ByteVector with_records(std::string_view hex, std::int32_t count) {
    return with_records_of(good_batch(), hex, count);
}

ByteVector with_producer(std::int64_t id, std::int16_t epoch, std::int32_t sequence) {
    auto batch = with(batch_at::kProducerId, id);
    batch = with(batch_at::kProducerEpoch, epoch, batch);
    return with(batch_at::kBaseSequence, sequence, batch);
}

TEST_F(Hostile, Batches_37_BadCrc) {
    auto client = connect();
    const auto batch = good_batch();
    for (std::size_t bit = std::size_t{batch_at::kCrc} * 8; bit < batch.size() * 8; ++bit) {
        auto flipped = batch;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        ASSERT_EQ(produce_error(client, victim(), flipped), "corrupt_batch") << "bit " << bit;
    }
    // Also behind a good one: all of a partition's batches or none.
    auto both = batch;
    both.insert(both.end(), batch.begin(), batch.end());
    both.back() ^= std::byte{1};
    EXPECT_EQ(produce_error(client, victim(), both), "corrupt_batch");
}

TEST_F(Hostile, Batches_38_RecordCount) {
    for (const std::int32_t count : {0, -1, -kInt32Max - 1, 1, 3, 1000, kInt32Max}) {
        SCOPED_TRACE(count);
        auto batch = with(batch_at::kRecordCount, count);
        EXPECT_EQ(produce_error(batch), "corrupt_batch");
        // And a last offset that agrees with it.
        store_big(batch.data() + batch_at::kLastOffsetDelta,
                  static_cast<std::int32_t>(static_cast<std::uint32_t>(count) - 1U));
        renew_checksum(batch);
        EXPECT_EQ(produce_error(batch), "corrupt_batch");
    }
}

TEST_F(Hostile, Batches_39_Offsets) {
    const auto first = "0c 00 00 00 01 01 00 "s;
    const auto second = "0c 00 00 02 01 01 00 "s;
    const auto expect_corrupt = [](const std::string& hex, std::int32_t count) {
        EXPECT_EQ(produce_error(with_records(hex, count)), "corrupt_batch") << hex;
    };
    expect_corrupt(second + first, 2);
    expect_corrupt(first + first, 2);
    expect_corrupt(first + "0c 00 00 04 01 01 00", 2);
    expect_corrupt(first + "0c 00 00 01 01 01 00", 2);
    expect_corrupt(first + "14 00 00 fe ff ff ff 0f 01 01 00", 2);  // The largest delta,
    expect_corrupt(first + "14 00 00 ff ff ff ff 0f 01 01 00", 2);  // the smallest,
    expect_corrupt(first + "14 00 00 ff ff ff ff 1f 01 01 00", 2);  // and one beyond 32 bits.
    expect_corrupt(first + "16 00 00 80 80 80 80 80 01 01 01 00", 2);
    for (const std::int32_t delta : {-1, -kInt32Max - 1, 0, 2, kInt32Max}) {
        SCOPED_TRACE(delta);
        EXPECT_EQ(produce_error(with(batch_at::kLastOffsetDelta, delta)), "corrupt_batch");
    }
    for (const std::int64_t base : {std::int64_t{1}, std::int64_t{-1}, kInt64Min, kInt64Max}) {
        SCOPED_TRACE(base);
        EXPECT_EQ(produce_error(with(batch_at::kBaseOffset, base)), "corrupt_batch");
    }
}

TEST_F(Hostile, Batches_40_ProducerIdWithoutEpoch) {
    for (const std::int64_t id :
         {std::int64_t{0}, std::int64_t{1}, std::int64_t{4711}, kInt64Max}) {
        SCOPED_TRACE(id);
        EXPECT_EQ(produce_error(with(batch_at::kProducerId, id)), "corrupt_batch");
        EXPECT_EQ(produce_error(with_producer(id, -1, 0)), "corrupt_batch");
        EXPECT_EQ(produce_error(with_producer(id, 0, -1)), "corrupt_batch");
        auto two = with_producer(id, 0, 0);
        const auto one = two;
        two.insert(two.end(), one.begin(), one.end());
        EXPECT_EQ(produce_error(two), "unsupported_batch");
    }
}

TEST_F(Hostile, Batches_41_Sequences) {
    auto client = connect();
    const auto send = [&](std::int16_t epoch, std::int32_t sequence) {
        return produce_error(client, victim(), with_producer(4711, epoch, sequence));
    };
    const auto records =
            engine::BatchView::trusted(with_producer(4711, 0, 0).data()).record_count();
    EXPECT_EQ(send(3, kInt32Max - records + 1), "none");  // Not known: any sequence.
    EXPECT_EQ(send(3, 0), "none");                        // Around the end.
    EXPECT_EQ(send(3, 0), "none");                        // The same again.
    EXPECT_EQ(send(3, kInt32Max - records + 1), "none");
    EXPECT_EQ(send(3, records + 1), "out_of_order_sequence");
    EXPECT_EQ(send(3, kInt32Max / 2), "out_of_order_sequence");
    EXPECT_EQ(send(3, kInt32Max), "duplicate_sequence");
    EXPECT_EQ(send(2, records), "invalid_producer_epoch");
    EXPECT_EQ(send(4, records), "out_of_order_sequence");
    for (const std::int32_t sequence : {-1, -2, -kInt32Max - 1}) {
        EXPECT_EQ(send(3, sequence), "corrupt_batch");
    }
    EXPECT_EQ(send(3, records), "none");
    EXPECT_EQ(send(std::numeric_limits<std::int16_t>::max(), 0), "none");
    records_expected = 4 * records;  // Each once: what came again was not stored again.
}

TEST_F(Hostile, Batches_42_TransactionalWithoutATransaction) {
    EXPECT_EQ(produce_error(with(batch_at::kAttributes, engine::kTransactionalBit)),
              "unsupported_batch");
    auto batch = with_producer(4711, 0, 0);
    EXPECT_EQ(produce_error(with(batch_at::kAttributes, engine::kTransactionalBit, batch)),
              "unsupported_batch");
    auto real = engine::testing::transactional_batch();
    EXPECT_EQ(produce_error(with(batch_at::kBaseOffset, std::int64_t{0}, real)),
              "unsupported_batch");
}

TEST_F(Hostile, Batches_43_ControlBatchOfAClient) {
    EXPECT_EQ(produce_error(with(batch_at::kAttributes, engine::kControlBit)), "unsupported_batch");
    auto marker = engine::testing::commit_marker();
    EXPECT_EQ(produce_error(with(batch_at::kBaseOffset, std::int64_t{0}, marker)),
              "unsupported_batch");
    // A marker that belongs to nobody.
    marker = with(batch_at::kProducerId, std::int64_t{-1}, marker);
    EXPECT_EQ(produce_error(with(batch_at::kBaseOffset, std::int64_t{0}, marker)),
              "unsupported_batch");
    EXPECT_EQ(produce_error(with(batch_at::kAttributes, engine::kDeleteHorizonBit)),
              "unsupported_batch");
}

TEST_F(Hostile, Batches_44_Timestamps) {
    for (const std::int64_t time : {kInt64Max, kInt64Max - 1, kInt64Min, std::int64_t{-2}}) {
        SCOPED_TRACE(time);
        EXPECT_EQ(produce_error(batch_of({"x"}, time)), "invalid_timestamp");
    }
    // A later record far from a first one that is good, in both directions.
    EXPECT_EQ(
            produce_error(with(
                    batch_at::kBaseTimestamp, kInt64Max, with_records("0c 00 02 00 01 01 00", 1))),
            "corrupt_batch");
    EXPECT_EQ(
            produce_error(with(
                    batch_at::kBaseTimestamp, kInt64Min, with_records("0c 00 01 00 01 01 00", 1))),
            "corrupt_batch");
    EXPECT_EQ(produce_error(with_records(
                      "0c 00 00 00 01 01 00 1c 00 ff ff ff ff ff ff ff ff 7f 02 01 01 00", 2)),
              "invalid_timestamp");
    // What the header of a compressed batch says counts.
    for (const std::int64_t time : {kInt64Max, kInt64Min, std::int64_t{-2}}) {
        SCOPED_TRACE(time);
        const auto compressed = with(batch_at::kAttributes, std::uint16_t{1});
        EXPECT_EQ(produce_error(with(batch_at::kMaxTimestamp, time, compressed)),
                  "invalid_timestamp");
    }
    // So does a client's claim to have the broker's time.
    EXPECT_EQ(produce_error(with(batch_at::kAttributes, engine::kLogAppendTimeBit)),
              "invalid_timestamp");
    // And a question about impossible times is one that cannot be read.
    for (const std::int64_t time : {kInt64Min, std::int64_t{-4}})
        expect_refused(list_offsets_request(victim(), time), wire::ErrorCode::malformed_request);
}

TEST_F(Hostile, Batches_45_UnknownCodec) {
    for (const auto codec : std::vector<std::uint16_t>{5, 6, 7}) {
        SCOPED_TRACE(codec);
        EXPECT_EQ(produce_error(with(batch_at::kAttributes, codec)), "unsupported_batch");
    }
    for (const auto magic : std::vector<std::int8_t>{0, 1, 3, -1}) {
        SCOPED_TRACE(int{magic});
        EXPECT_EQ(produce_error(with(batch_at::kMagic, magic)), "unsupported_batch");
    }
}

TEST_F(Hostile, Batches_49_LargerThanASegment) {
    const engine::PartitionKey small{create_topic("small", 1, {{"segment.bytes", "4096"}}), 0};
    auto client = connect();
    EXPECT_EQ(produce_error(client, small, batch_of({std::string(5'000, 'x')})),
              "message_too_large");
    EXPECT_EQ(produce_error(client, small, batch_of({std::string(2'000, 'x')})), "none");
    EXPECT_EQ(end_of(small), 1);
    delete_topic("small");
    // Of an ordinary topic: above max.message.bytes, which is far below its segment.
    EXPECT_EQ(produce_error(batch_of({std::string(1'048'588, 'x')})), "message_too_large");
    // Each is small enough, all of them together are larger than the log takes at once.
    std::vector<std::byte> many;
    const auto one = batch_of({std::string(1'000'000, 'x')});
    for (int number = 0; number < 12; ++number)
        many.insert(many.end(), one.begin(), one.end());
    EXPECT_EQ(produce_error(many), "message_too_large");
}

TEST_F(Hostile, Batches_50_EmptyBatch) {
    EXPECT_EQ(produce_error({}), "malformed_request");
    EXPECT_EQ(produce_error(with_records("", 0)), "corrupt_batch");
    EXPECT_EQ(produce_error(with_records("", 1)), "corrupt_batch");
    // What compaction leaves of a batch is no batch of a client.
    auto emptied = engine::testing::emptied_batch();
    EXPECT_EQ(produce_error(with(batch_at::kBaseOffset, std::int64_t{0}, emptied)),
              "corrupt_batch");
    // Shorter than a header, and lengths that say so.
    EXPECT_EQ(produce_error(ByteVector(60)), "malformed_request");
    for (const std::int32_t length : {0, -1, -kInt32Max - 1, 48, kInt32Max}) {
        SCOPED_TRACE(length);
        auto batch = good_batch();
        store_big(batch.data() + batch_at::kBatchLength, length);
        EXPECT_EQ(produce_error(batch), "malformed_request");
    }
}

}  // namespace
}  // namespace millrace::testing
