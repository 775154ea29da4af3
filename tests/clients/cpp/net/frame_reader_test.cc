// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "net/frame_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace millrace::detail {
namespace {

constexpr std::uint32_t kLimit = 1U << 20;

wire::FrameHeader header_of(std::uint32_t table_bytes, std::uint32_t payload_bytes) {
    wire::FrameHeader header;
    header.flags = wire::kFlagResponse;
    header.table_bytes = table_bytes;
    header.frame_bytes = 20 + table_bytes + payload_bytes;
    return header;
}

std::vector<std::byte> frame_of(const wire::FrameHeader& header, std::byte filler = {}) {
    std::vector<std::byte> frame(header.total_bytes(), filler);
    std::memcpy(frame.data(), &header, sizeof header);
    return frame;
}

void give(FrameReader& reader, engine::Bytes bytes, std::size_t at_once = SIZE_MAX) {
    while (!bytes.empty()) {
        const auto room = reader.room();
        ASSERT_FALSE(room.empty());
        const auto count = std::min({room.size(), bytes.size(), at_once});
        std::memcpy(room.data(), bytes.data(), count);
        reader.arrived(count);
        bytes = bytes.subspan(count);
    }
}

// Frames in a stream come out the same, whatever its pieces are.
TEST(FrameReader, CutsFramesOutOfAnyPieces) {
    std::vector<std::byte> stream;
    const std::uint32_t payloads[] = {0, 8, 1000, 200'000, 16, 64'000, 64'000, 300'000, 8};
    for (std::size_t i = 0; i < std::size(payloads); ++i) {
        const auto frame = frame_of(header_of(8, payloads[i]), static_cast<std::byte>(i + 1));
        stream.insert(stream.end(), frame.begin(), frame.end());
    }
    for (const std::size_t at_once : {1UL, 7UL, 4096UL, SIZE_MAX}) {
        FrameReader reader(kLimit);
        std::vector<Response> kept;
        engine::Bytes rest(stream);
        while (!rest.empty()) {
            const auto room = reader.room();
            const auto count = std::min({room.size(), rest.size(), at_once});
            std::memcpy(room.data(), rest.data(), count);
            reader.arrived(count);
            rest = rest.subspan(count);
            for (;;) {
                auto next = reader.next();
                ASSERT_TRUE(next);
                if (!*next) break;
                kept.push_back(**std::move(next));
            }
        }
        ASSERT_EQ(kept.size(), std::size(payloads)) << "in pieces of " << at_once;
        for (std::size_t i = 0; i < kept.size(); ++i) {
            ASSERT_EQ(kept[i].payload.size(), payloads[i]);
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(kept[i].table.data()) % 8, 0U);
            for (const auto byte : kept[i].payload)
                ASSERT_EQ(byte, static_cast<std::byte>(i + 1)) << "frame " << i;
        }
    }
}

TEST(FrameReader, ReadsALargeFrameStraightIntoMemoryOfItsOwn) {
    FrameReader reader(kLimit);
    const auto frame = frame_of(header_of(8, 500'000));
    give(reader, engine::Bytes(frame).first(100));
    ASSERT_FALSE(*reader.next());
    EXPECT_EQ(reader.room().size(), frame.size() - 100);
}

TEST(FrameReader, RefusesWhatIsNoResponseBeforeTakingMemoryForIt) {
    const auto refused = [](const wire::FrameHeader& header) {
        FrameReader reader(kLimit);
        std::vector<std::byte> bytes(sizeof header);
        std::memcpy(bytes.data(), &header, sizeof header);
        give(reader, bytes);
        const auto next = reader.next();
        return !next && next.error().code == ErrorCode::protocol_violation;
    };
    const auto good = header_of(8, 8);
    EXPECT_FALSE(refused(good));
    auto wrong = good;
    wrong.magic = 0x4854;
    EXPECT_TRUE(refused(wrong));
    wrong = good;
    wrong.version = 2;
    EXPECT_TRUE(refused(wrong));
    wrong = good;
    wrong.flags = 0;
    EXPECT_TRUE(refused(wrong));
    wrong = good;
    wrong.flags |= 4;
    EXPECT_TRUE(refused(wrong));
    wrong = good;
    wrong.frame_bytes = 12;
    EXPECT_TRUE(refused(wrong));
    wrong = good;
    wrong.frame_bytes = 0xffff'ffff;
    EXPECT_TRUE(refused(wrong));
    wrong = good;
    wrong.frame_bytes += 1;
    EXPECT_TRUE(refused(wrong));
    wrong = good;
    wrong.table_bytes = 32;
    EXPECT_TRUE(refused(wrong));
    wrong = good;
    wrong.table_bytes = 4;
    EXPECT_TRUE(refused(wrong));
    wrong = good;
    wrong.reserved = 1;
    EXPECT_TRUE(refused(wrong));
    wrong = header_of(8, kLimit);
    EXPECT_TRUE(refused(wrong));
}

}  // namespace
}  // namespace millrace::detail
