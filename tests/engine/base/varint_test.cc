// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/base/varint.h"

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <limits>
#include <vector>

namespace millrace::engine {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
    std::vector<std::byte> result;
    for (const auto value : values)
        result.push_back(static_cast<std::byte>(value));
    return result;
}

std::vector<std::byte> stored(std::int64_t value) {
    std::array<std::byte, kVarlongBytesMax> buffer{};
    std::byte* const end = store_varint(buffer.data(), value);
    return {buffer.data(), end};
}

constexpr auto kInt32Max = std::numeric_limits<std::int32_t>::max();
constexpr auto kInt32Min = std::numeric_limits<std::int32_t>::min();
constexpr auto kInt64Max = std::numeric_limits<std::int64_t>::max();
constexpr auto kInt64Min = std::numeric_limits<std::int64_t>::min();

TEST(Varint, StoresZigZagWithTheLowestSevenBitsFirst) {
    EXPECT_EQ(stored(0), bytes({0x00}));
    EXPECT_EQ(stored(-1), bytes({0x01}));
    EXPECT_EQ(stored(1), bytes({0x02}));
    EXPECT_EQ(stored(-64), bytes({0x7f}));
    EXPECT_EQ(stored(64), bytes({0x80, 0x01}));
    EXPECT_EQ(stored(300), bytes({0xd8, 0x04}));
    EXPECT_EQ(stored(kInt32Max), bytes({0xfe, 0xff, 0xff, 0xff, 0x0f}));
    EXPECT_EQ(stored(kInt32Min), bytes({0xff, 0xff, 0xff, 0xff, 0x0f}));
    EXPECT_EQ(stored(kInt64Min),
              bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}));
}

TEST(Varint, ReadsBackWhatItStoredAndMovesBehindIt) {
    std::vector<std::int64_t> values{0, -1, kInt32Min, kInt32Max, kInt64Min, kInt64Max};
    for (unsigned shift = 0; shift < 63; ++shift) {
        for (const std::int64_t near : {-1, 0, 1}) {
            values.push_back((std::int64_t{1} << shift) + near);
            values.push_back(-(std::int64_t{1} << shift) + near);
        }
    }
    for (const auto value : values) {
        auto buffer = stored(value);
        ASSERT_EQ(buffer.size(), varint_bytes(value)) << value;
        buffer.push_back(std::byte{0x55});
        Bytes from(buffer);
        ASSERT_EQ(take_varlong(from), value);
        ASSERT_EQ(from.size(), 1U);
        from = buffer;
        const bool fits = value >= kInt32Min && value <= kInt32Max;
        ASSERT_EQ(take_varint(from).has_value(), fits) << value;
        ASSERT_EQ(from.size() == 1, fits) << value;
    }
}

TEST(Varint, RefusesWhatEndsTooEarlyOrTooLate) {
    for (std::size_t length = 0; length < 5; ++length) {
        const std::vector<std::byte> endless(length, std::byte{0x80});
        Bytes from(endless);
        EXPECT_FALSE(take_varint(from)) << length;
        EXPECT_FALSE(take_varlong(from)) << length;
        EXPECT_EQ(from.size(), length);
    }
    const auto six = bytes({0x80, 0x80, 0x80, 0x80, 0x80, 0x00});
    Bytes from(six);
    EXPECT_FALSE(take_varint(from));
    EXPECT_EQ(take_varlong(from), 0);
    const auto eleven = bytes({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0});
    from = eleven;
    EXPECT_FALSE(take_varlong(from));
}

TEST(Varint, RefusesBitsBeyondTheWidth) {
    const auto over_32 = bytes({0xff, 0xff, 0xff, 0xff, 0x1f});
    Bytes from(over_32);
    EXPECT_FALSE(take_varint(from));
    const auto over_64 = bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02});
    from = over_64;
    EXPECT_FALSE(take_varlong(from));
}

}  // namespace
}  // namespace millrace::engine
