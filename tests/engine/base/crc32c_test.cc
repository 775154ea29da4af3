// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/base/crc32c.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>
#include <string_view>
#include <vector>

namespace millrace::engine {
namespace {

Bytes bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

// Bit by bit from the definition: reflected polynomial 0x82F63B78, all ones in and out.
std::uint32_t by_definition(Bytes bytes) {
    std::uint32_t state = ~0U;
    for (const auto byte : bytes) {
        state ^= static_cast<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit) {
            state = (state >> 1U) ^ ((state & 1U) != 0 ? 0x82F63B78U : 0U);
        }
    }
    return ~state;
}

TEST(Crc32c, HasThePublishedCheckValue) {
    EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE3069283U);
}

// RFC 3720, appendix B.4, has these vectors of 32 bytes.
TEST(Crc32c, AgreesWithTheVectorsOfIscsi) {
    std::array<std::byte, 32> bytes{};
    EXPECT_EQ(crc32c(bytes), 0x8A9136AAU);
    bytes.fill(std::byte{0xff});
    EXPECT_EQ(crc32c(bytes), 0x62A8AB43U);
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(i);
    EXPECT_EQ(crc32c(bytes), 0x46DD794EU);
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(31 - i);
    EXPECT_EQ(crc32c(bytes), 0x113FDB5CU);
}

TEST(Crc32c, OfNothingIsZeroAndLeavesTheChecksumBefore) {
    EXPECT_EQ(crc32c({}), 0U);
    EXPECT_EQ(crc32c({}, 0x12345678U), 0x12345678U);
}

TEST(Crc32c, AgreesWithItsDefinitionAtEveryLengthAlignmentAndSplit) {
    std::mt19937 random(7);
    std::vector<std::byte> bytes(3000);
    for (auto& byte : bytes)
        byte = static_cast<std::byte>(random());
    for (std::size_t start = 0; start < 16; ++start) {
        for (std::size_t length = 0; length < 2600; length += 1 + random() % 97) {
            const auto part = Bytes(bytes).subspan(start, length);
            const auto whole = crc32c(part);
            ASSERT_EQ(whole, by_definition(part)) << start << " " << length;
            const auto split = length == 0 ? 0 : random() % length;
            ASSERT_EQ(crc32c(part.subspan(split), crc32c(part.first(split))), whole);
        }
    }
}

}  // namespace
}  // namespace millrace::engine
