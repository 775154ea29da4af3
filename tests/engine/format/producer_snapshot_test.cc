// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/producer_snapshot.h"

#include "engine/base/byte_order.h"
#include "engine/base/crc32c.h"

#include <gtest/gtest.h>

#include <string>

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

std::vector<std::byte> encoded(const std::vector<ProducerSnapshotRow>& rows) {
    std::vector<std::byte> bytes(producer_snapshot_bytes(rows.size()));
    encode_producer_snapshot(rows, bytes.data());
    return bytes;
}

ProducerSnapshotRow row() {
    return {.producer_id = 4711,
            .epoch = 3,
            .last_sequence = 9,
            .last_offset = Offset(19),
            .offset_delta = 4,
            .timestamp = 1'700'000'000'007};
}

// Kafka's own reader takes it.
TEST(ProducerSnapshot, ReadsWhatKafkaReads) {
    const auto rows = decode_producer_snapshot(
            from_hex("00012a2e39bd0000000100000000000012670003000000000000000000000002000000000000"
                     "018bcfe5680700000009ffffffffffffffff"),
            Offset(3));
    ASSERT_TRUE(rows.has_value());
    const ProducerSnapshotRow expected{.producer_id = 4711,
                                       .epoch = 3,
                                       .last_sequence = 0,
                                       .last_offset = Offset(2),
                                       .offset_delta = 0,
                                       .timestamp = 1'700'000'000'007};
    EXPECT_EQ(*rows, std::vector{expected});
}

TEST(ProducerSnapshot, SaysTheSameWhenItIsReadAgain) {
    auto next = row();
    next.last_sequence = 12;
    next.last_offset = Offset(22);
    const std::vector<ProducerSnapshotRow> rows{row(), next};
    EXPECT_EQ(decode_producer_snapshot(encoded(rows), Offset(23)), rows);
    EXPECT_EQ(decode_producer_snapshot(encoded({}), Offset(0)), std::vector<ProducerSnapshotRow>());
}

TEST(ProducerSnapshot, IsNothingWhenAnyBitIsWrong) {
    const auto right = encoded({row()});
    for (std::size_t at = 0; at < right.size(); ++at) {
        auto wrong = right;
        wrong[at] ^= std::byte{1};
        EXPECT_FALSE(decode_producer_snapshot(wrong, Offset(100)).has_value()) << at;
    }
    for (std::size_t size = 0; size < right.size(); ++size) {
        EXPECT_FALSE(decode_producer_snapshot(Bytes(right).first(size), Offset(100)).has_value());
    }
}

TEST(ProducerSnapshot, IsNothingWhenARowIsImpossible) {
    const auto refused = [](auto change) {
        auto changed = row();
        change(changed);
        return !decode_producer_snapshot(encoded({changed}), Offset(20)).has_value();
    };
    EXPECT_FALSE(refused([](auto&) {}));
    EXPECT_TRUE(refused([](auto& each) { each.producer_id = -1; }));
    EXPECT_TRUE(refused([](auto& each) { each.epoch = -1; }));
    EXPECT_TRUE(refused([](auto& each) { each.last_sequence = -2; }));
    EXPECT_TRUE(refused([](auto& each) { each.offset_delta = -1; }));
    EXPECT_TRUE(refused([](auto& each) { each.offset_delta = 20; }));
    EXPECT_TRUE(refused([](auto& each) { each.last_offset = Offset(20); }));
    EXPECT_TRUE(refused([](auto& each) { each.timestamp = -2; }));
}

TEST(ProducerSnapshot, LeavesOutProducersThatOnlyMarkersName) {
    auto marker = row();
    marker.last_sequence = -1;
    marker.last_offset = Offset(-1);
    EXPECT_EQ(decode_producer_snapshot(encoded({marker, row()}), Offset(20)), std::vector{row()});
}

}  // namespace
}  // namespace millrace::engine
