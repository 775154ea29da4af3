// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/wal_group.h"

#include "engine/format/wal_entry.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace millrace::engine {
namespace {

PartitionKey example_key() {
    PartitionKey key;
    for (std::size_t i = 0; i < key.topic.bytes.size(); ++i) {
        key.topic.bytes[i] = static_cast<std::uint8_t>(i);
    }
    key.partition = 3;
    return key;
}

WalGroupHeader example_header() {
    WalGroupHeader header;
    header.length = kGroupHeaderBytes + kEntryHeaderBytes + 5;
    header.chain = 0x11223344;
    header.run_bits = 0x0102030405060708;
    header.previous_run_bits = 0x1112131415161718;
    header.run_number = 2;
    header.directory = 1;
    header.sequence = 9;
    header.flushed_sequence = 8;
    header.file_number = 4;
    header.block = 6;
    return header;
}

// The worked example of docs/log_format.md.
std::vector<std::byte> example_group() {
    std::vector<std::byte> group(example_header().length);
    store_entry_header(group.data() + kGroupHeaderBytes, EntryKind::append, example_key(), 5);
    std::memcpy(group.data() + kGroupHeaderBytes + kEntryHeaderBytes, "hello", 5);
    static_cast<void>(seal_group(group.data(), example_header()));
    return group;
}

std::string hex(Bytes bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const auto byte : bytes) {
        text += kDigits[std::to_integer<unsigned>(byte) >> 4U];
        text += kDigits[std::to_integer<unsigned>(byte) & 15U];
    }
    return text;
}

TEST(WalGroup, ReadsBackWhatWasSealed) {
    const auto group = example_group();
    const auto header = read_group_header(group);
    ASSERT_TRUE(header);
    auto expected = example_header();
    expected.crc = header->crc;
    EXPECT_EQ(*header, expected);
    EXPECT_TRUE(group_crc_is_right(group, *header));
    Bytes entries = Bytes(group).subspan(kGroupHeaderBytes);
    const auto entry = take_entry(entries);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->kind, EntryKind::append);
    EXPECT_EQ(entry->key, example_key());
    EXPECT_EQ(hex(entry->payload), "68656c6c6f");
    EXPECT_TRUE(entries.empty());
}

TEST(WalGroup, HasTheBytesOfTheDocumentedExample) {
    EXPECT_EQ(hex(example_group()),
              "4d57414c"  // Magic.
              "0100"
              "0000"              // Version, reserved.
              "f01f61e1"          // Header CRC.
              "9317c833"          // Group CRC.
              "71000000"          // Length 113.
              "44332211"          // Chain.
              "0807060504030201"  // Run bits.
              "1817161514131211"  // Previous run bits.
              "02000000"          // Run number.
              "01000000"          // Directory.
              "0900000000000000"  // Sequence.
              "0800000000000000"  // Flushed sequence.
              "0400000000000000"  // File number.
              "06000000"          // Block.
              "00000000"          // Reserved.
              "01"
              "00"
              "0000"      // Entry: kind append, flags, reserved.
              "05000000"  // Payload length.
              "000102030405060708090a0b0c0d0e0f"
              "03000000"  // Partition.
              "68656c6c6f");
}

TEST(WalGroup, NoticesEveryFlippedBit) {
    const auto good = example_group();
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        auto bad = good;
        bad[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        const auto header = read_group_header(bad);
        const bool refused = !header || !group_crc_is_right(bad, *header);
        EXPECT_TRUE(refused) << "bit " << bit;
        // Damage never looks like a later version.
        if (!header) {
            EXPECT_EQ(header.error().code, Errc::damaged_wal) << "bit " << bit;
        }
    }
}

TEST(WalGroup, RefusesFewerBytesThanAHeader) {
    const auto group = example_group();
    for (std::size_t size = 0; size < kGroupHeaderBytes; ++size) {
        EXPECT_FALSE(read_group_header(Bytes(group).first(size)));
    }
}

TEST(WalGroup, TakesZeroedBlocksForNoGroup) {
    const std::vector<std::byte> zeros(4096);
    EXPECT_EQ(read_group_header(zeros).error().code, Errc::damaged_wal);
}

TEST(WalEntry, RefusesKindsAndFlagsOfALaterVersion) {
    std::array<std::byte, kEntryHeaderBytes> bytes{};
    for (const auto kind : {0, 8, 255}) {
        store_entry_header(bytes.data(), static_cast<EntryKind>(kind), example_key(), 0);
        Bytes entries(bytes);
        EXPECT_EQ(take_entry(entries).error().code, Errc::newer_format) << kind;
    }
    for (const std::size_t place : {1U, 2U, 3U}) {
        store_entry_header(bytes.data(), EntryKind::append, example_key(), 0);
        bytes[place] = std::byte{1};
        Bytes entries(bytes);
        EXPECT_EQ(take_entry(entries).error().code, Errc::newer_format) << place;
    }
}

TEST(WalEntry, TakesEveryKindOfThisVersion) {
    for (int kind = 1; kind <= 7; ++kind) {
        std::array<std::byte, kEntryHeaderBytes> bytes{};
        store_entry_header(bytes.data(), static_cast<EntryKind>(kind), example_key(), 0);
        Bytes entries(bytes);
        EXPECT_TRUE(take_entry(entries)) << kind;
    }
}

TEST(WalEntry, RefusesALengthBeyondItsGroup) {
    std::vector<std::byte> bytes(kEntryHeaderBytes + 4);
    store_entry_header(bytes.data(), EntryKind::append, example_key(), 4);
    Bytes whole(bytes);
    EXPECT_TRUE(take_entry(whole));
    store_entry_header(bytes.data(), EntryKind::append, example_key(), 5);
    Bytes beyond(bytes);
    EXPECT_EQ(take_entry(beyond).error().code, Errc::damaged_wal);
    Bytes cut = Bytes(bytes).first(kEntryHeaderBytes - 1);
    EXPECT_EQ(take_entry(cut).error().code, Errc::damaged_wal);
}

TEST(WalEntry, ReadsBackLinksAndEpochs) {
    std::array<std::byte, kStartLinkBytes> link_bytes{};
    const StartLink link{0x0102030405060708, 77, 5, 0xaabbccdd};
    store_start_link(link_bytes.data(), link);
    EXPECT_EQ(load_start_link(link_bytes).value(), link);
    EXPECT_FALSE(load_start_link(Bytes(link_bytes).first(kStartLinkBytes - 1)));

    std::array<std::byte, kEpochChangeBytes> change_bytes{};
    const EpochChange change{12, Offset(1'000'000'000'000)};
    store_epoch_change(change_bytes.data(), change);
    EXPECT_EQ(load_epoch_change(change_bytes).value(), change);
    EXPECT_FALSE(load_epoch_change(Bytes(change_bytes).first(kEpochChangeBytes - 1)));
}

}  // namespace
}  // namespace millrace::engine
