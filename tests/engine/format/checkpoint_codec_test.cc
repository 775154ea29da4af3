// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/checkpoint_codec.h"

#include "engine/base/byte_order.h"
#include "engine/base/crc32c.h"
#include "engine/units.h"

#include <gtest/gtest.h>

#include <vector>

namespace millrace::engine {
namespace {

Checkpoint example() {
    Checkpoint checkpoint;
    checkpoint.number = 12;
    checkpoint.run_number = 3;
    checkpoint.shards = 2;
    checkpoint.clean = true;
    checkpoint.leader_epoch_min = 5;
    checkpoint.guarded_clock = 1'700'000'000'123;
    for (std::uint32_t directory = 0; directory < 2; ++directory) {
        WalPosition wal;
        wal.directory = directory;
        wal.slot = 4 + directory;
        wal.file_number = 90 + directory;
        wal.block = 7;
        wal.sequence = 1234;
        wal.chain = 0xdeadbeef;
        wal.run_number = 3;
        wal.run_bits = 0x1122334455667788;
        checkpoint.wals.push_back(wal);
    }
    for (std::uint32_t partition = 0; partition < 3; ++partition) {
        PartitionRow row;
        row.key.topic.bytes[15] = 9;
        row.key.partition = partition;
        row.log_start = Offset(5);
        row.flushed_offset = Offset(500 + partition);
        row.producer_snapshot = Offset(partition == 0 ? -1 : 400);
        for (std::uint32_t i = 0; i < partition; ++i) {
            row.segments.push_back({.base = Offset(100 * i),
                                    .bytes = 4096,
                                    .first_timestamp = 1,
                                    .largest_timestamp = 2,
                                    .largest_timestamp_offset = Offset(100 * i + 3),
                                    .sealed = i == 0,
                                    .has_holes = i % 2 == 0,
                                    .clean = partition % 2 == 0,
                                    .swapping = partition == 1});
        }
        row.epochs = {{0, Offset(0)}, {4, Offset(450)}};
        checkpoint.partitions.push_back(row);
    }
    return checkpoint;
}

std::vector<std::byte> encoded(const Checkpoint& checkpoint) {
    std::vector<std::byte> bytes;
    encode_checkpoint(checkpoint, bytes);
    return bytes;
}

std::size_t length_of(const std::vector<std::byte>& slot) {
    return load_little<std::uint64_t>(slot.data() + 16);
}

// Right checksum over whatever the slot says now.
void reseal(std::vector<std::byte>& slot) {
    const Bytes bytes = Bytes(slot).first(length_of(slot));
    store_little(slot.data() + 8, crc32c(bytes.subspan(12), crc32c(bytes.first(8))));
}

TEST(CheckpointCodec, ReadsBackWhatWasWritten) {
    const auto slot = encoded(example());
    EXPECT_EQ(slot.size() % kBlockBytes, 0U);
    const auto checkpoint = decode_checkpoint(slot);
    ASSERT_TRUE(checkpoint);
    EXPECT_EQ(*checkpoint, example());
    EXPECT_EQ(decode_checkpoint(encoded(Checkpoint{})).value(), Checkpoint{});
}

TEST(CheckpointCodec, IgnoresWhatAnOlderLongerOneLeftBehindIt) {
    auto slot = encoded(example());
    slot.resize(slot.size() + kBlockBytes, std::byte{0xee});
    EXPECT_EQ(decode_checkpoint(slot).value(), example());
}

TEST(CheckpointCodec, NoticesEveryFlippedBit) {
    const auto good = encoded(example());
    const std::size_t length = length_of(good);
    for (std::size_t bit = 0; bit < length * 8; ++bit) {
        auto bad = good;
        bad[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        const auto checkpoint = decode_checkpoint(bad);
        ASSERT_FALSE(checkpoint) << "bit " << bit;
        ASSERT_EQ(checkpoint.error().code, Errc::damaged_wal) << "bit " << bit;
    }
}

TEST(CheckpointCodec, RefusesEveryCutShort) {
    const auto good = encoded(example());
    for (std::size_t size = 0; size < length_of(good); ++size) {
        EXPECT_FALSE(decode_checkpoint(Bytes(good).first(size))) << size;
    }
}

TEST(CheckpointCodec, RefusesCountsThatCannotBeThere) {
    // Counts of WAL rows and of partitions, behind the fixed fields.
    for (const std::size_t place : {48U, 52U}) {
        auto bad = encoded(example());
        store_little(bad.data() + place, std::uint32_t{0xffffffff});
        reseal(bad);
        EXPECT_EQ(decode_checkpoint(bad).error().code, Errc::damaged_wal) << place;
    }
}

TEST(CheckpointCodec, RefusesBytesBehindTheLastRow) {
    auto bad = encoded(example());
    store_little(bad.data() + 16, std::uint64_t{length_of(bad) + 1});
    reseal(bad);
    EXPECT_EQ(decode_checkpoint(bad).error().code, Errc::damaged_wal);
}

TEST(CheckpointCodec, TellsALaterVersionFromDamage) {
    auto later = encoded(example());
    store_little(later.data() + 4, static_cast<std::uint16_t>(kCheckpointVersion + 1));
    reseal(later);
    EXPECT_EQ(decode_checkpoint(later).error().code, Errc::newer_format);
}

}  // namespace
}  // namespace millrace::engine
