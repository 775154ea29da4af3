// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Bytes and texts of the files beside a segment, against vectors that Kafka's own classes read.
#include "engine/format/epoch_entry.h"
#include "engine/format/file_names.h"
#include "engine/format/index_entry.h"
#include "engine/format/leader_epoch_file.h"
#include "engine/format/log_start_entry.h"
#include "engine/format/partition_metadata.h"

#include <gtest/gtest.h>

#include <array>

namespace millrace::engine {
namespace {

std::vector<std::byte> from_hex(std::string_view hex) {
    std::vector<std::byte> bytes;
    for (std::size_t at = 0; at < hex.size(); at += 2) {
        bytes.push_back(
                static_cast<std::byte>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16)));
    }
    return bytes;
}

TEST(IndexEntry, IsKafkasBytes) {
    const std::vector<OffsetEntry> offsets{{2, 85}};
    std::vector<std::byte> bytes(kOffsetEntryBytes);
    encode_offset_entries(offsets, bytes.data());
    EXPECT_EQ(bytes, from_hex("0000000200000055"));

    const std::vector<TimeEntry> times{{1'700'000'000'005, 1}, {1'700'000'000'006, 2}};
    bytes.resize(2 * kTimeEntryBytes);
    encode_time_entries(times, bytes.data());
    EXPECT_EQ(bytes, from_hex("0000018bcfe56805000000010000018bcfe5680600000002"));
}

TEST(IndexEntry, IsReadUntilTheFirstThatCannotBeRight) {
    const auto count = [](std::string_view hex) {
        std::vector<OffsetEntry> entries;
        decode_offset_entries(from_hex(hex), entries);
        return entries.size();
    };
    EXPECT_EQ(count(""), 0U);
    EXPECT_EQ(count("0000000200000055"), 1U);
    EXPECT_EQ(count("00000002000000550000000300000056"), 2U);
    EXPECT_EQ(count("00000002000000550000000200000056"), 1U);
    EXPECT_EQ(count("00000002000000550000000300000055"), 1U);
    EXPECT_EQ(count("00000002000000550000000000000000"), 1U);
    EXPECT_EQ(count("000000020000005500000003000000"), 1U);
    EXPECT_EQ(count("0000000000000000"), 0U);
}

TEST(IndexEntry, OfTimeIsReadUntilTheFirstThatCannotBeRight) {
    const auto count = [](std::string_view hex) {
        std::vector<TimeEntry> entries;
        decode_time_entries(from_hex(hex), entries);
        return entries.size();
    };
    EXPECT_EQ(count("000000000000000500000000"), 1U);  // The first batch may hold the largest.
    EXPECT_EQ(count("000000000000000500000000000000000000000600000001"), 2U);
    EXPECT_EQ(count("000000000000000500000001000000000000000500000002"), 1U);
    EXPECT_EQ(count("000000000000000500000001000000000000000600000001"), 1U);
    EXPECT_EQ(count("000000000000000500000001000000000000000000000000"), 1U);
    EXPECT_EQ(count("000000000000000000000000"), 0U);
    EXPECT_EQ(count("ffffffffffffffff00000001"), 0U);
}

TEST(PartitionMetadata, IsKafkasText) {
    TopicId id;
    for (std::size_t i = 0; i < id.bytes.size(); ++i)
        id.bytes[i] = static_cast<std::uint8_t>(i * 17);
    const auto text = encode_partition_metadata(id);
    EXPECT_EQ(text, "version: 0\ntopic_id: ABEiM0RVZneImaq7zN3u_w");
    EXPECT_EQ(decode_partition_metadata(text), id);
    EXPECT_EQ(decode_partition_metadata(text + "\n"), id);
}

TEST(PartitionMetadata, OfAnythingElseIsNone) {
    EXPECT_FALSE(decode_partition_metadata(""));
    EXPECT_FALSE(decode_partition_metadata("version: 1\ntopic_id: ABEiM0RVZneImaq7zN3u_w"));
    EXPECT_FALSE(decode_partition_metadata("version: 0\ntopic_id: ABEiM0RVZneImaq7zN3u_"));
    EXPECT_FALSE(decode_partition_metadata("version: 0\ntopic_id: ABEiM0RVZneImaq7zN3u_ww"));
    EXPECT_FALSE(decode_partition_metadata("version: 0\ntopic_id: ABEiM0RVZneImaq7zN3u+w"));
    EXPECT_FALSE(decode_partition_metadata("version: 0\ntopic_id: ABEiM0RVZneImaq7zN3u_x"));
}

TEST(LeaderEpochFile, IsKafkasText) {
    const std::vector<EpochRow> rows{{0, Offset(0)}, {3, Offset(17)}};
    EXPECT_EQ(encode_leader_epochs(rows), "0\n2\n0 0\n3 17\n");
    EXPECT_EQ(encode_leader_epochs({}), "0\n0\n");
    EXPECT_EQ(decode_leader_epochs("0\n2\n0 0\n3 17\n"), rows);
}

TEST(LeaderEpochFile, OfAnythingElseIsNone) {
    for (const auto* text : {"",
                             "1\n0\n",
                             "0\n1\n",
                             "0\n1\n0 0\n1 1\n",
                             "0\n1\n0 0",
                             "0\n2\n1 0\n1 5\n",
                             "0\n2\n0 5\n1 5\n",
                             "0\n1\n-1 0\n",
                             "0\n1\n0  0\n",
                             "0\n1\n0 x\n"}) {
        EXPECT_FALSE(decode_leader_epochs(text)) << text;
    }
}

TEST(EpochEntry, ComesBackAsItWent) {
    std::array<std::byte, kEpochEntryBytes> bytes{};
    encode_epoch_entry({7, Offset(1LL << 40)}, bytes.data());
    EXPECT_EQ(decode_epoch_entry(bytes), (EpochRow{7, Offset(1LL << 40)}));
    EXPECT_FALSE(decode_epoch_entry(Bytes(bytes).first(11)));
    encode_epoch_entry({-1, Offset(0)}, bytes.data());
    EXPECT_FALSE(decode_epoch_entry(bytes));
}

TEST(LogStartEntry, ComesBackAsItWentAndIsTheExampleOfTheFormat) {
    std::array<std::byte, kLogStartEntryBytes> bytes{};
    encode_log_start_entry(Offset(5000), bytes.data());
    EXPECT_EQ(bytes,
              (std::array{std::byte{0x88},
                          std::byte{0x13},
                          std::byte{0},
                          std::byte{0},
                          std::byte{0},
                          std::byte{0},
                          std::byte{0},
                          std::byte{0}}));
    EXPECT_EQ(decode_log_start_entry(bytes), Offset(5000));
    EXPECT_FALSE(decode_log_start_entry(Bytes(bytes).first(7)));
    encode_log_start_entry(Offset(-1), bytes.data());
    EXPECT_FALSE(decode_log_start_entry(bytes));
}

TEST(FileNames, AreKafkasWithTheTopicIdInTheTrash) {
    EXPECT_EQ(segment_path("orders-3", Offset(42), kOffsetIndexSuffix).view(),
              "topics/orders-3/00000000000000000042.index");
    EXPECT_EQ(partition_file_path("orders-3", kLeaderEpochName).view(),
              "topics/orders-3/leader-epoch-checkpoint");
    const PartitionKey key{{{0xab, 1}}, 7};
    EXPECT_EQ(trash_path(key, 0).view(), "trash/ab010000000000000000000000000000-7");
    EXPECT_EQ(trash_path(key, 2).view(), "trash/ab010000000000000000000000000000-7-2");
    const std::string longest(249, 'n');
    EXPECT_EQ(segment_path(longest + "-4294967295", Offset(INT64_MAX), kTimeIndexSuffix)
                      .view()
                      .size(),
              7U + 249 + 11 + 1 + 20 + 10);
}

}  // namespace
}  // namespace millrace::engine
