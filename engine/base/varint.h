// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Zig-zag variable-length integers of Kafka's records.
#pragma once

#include "engine/types.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace millrace::engine {

inline constexpr std::size_t kVarintBytesMax = 5;
inline constexpr std::size_t kVarlongBytesMax = 10;

[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
    return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}

[[nodiscard]] constexpr std::size_t varint_bytes(std::int64_t value) noexcept {
    std::size_t bytes = 1;
    for (auto rest = zigzag(value); rest >= 0x80; rest >>= 7U)
        ++bytes;
    return bytes;
}

// Writes varint_bytes(value) bytes; returns the position behind them.
inline std::byte* store_varint(std::byte* to, std::int64_t value) noexcept {
    auto rest = zigzag(value);
    while (rest >= 0x80) {
        *to++ = static_cast<std::byte>(rest | 0x80U);
        rest >>= 7U;
    }
    *to++ = static_cast<std::byte>(rest);
    return to;
}

// Reads from the front of untrusted bytes and moves it on. Nothing, and it stays, when the integer
// does not end in time or does not fit.
template <std::size_t kBytesMax>
[[nodiscard]] inline std::optional<std::int64_t> take_zigzag(Bytes& from) noexcept {
    std::uint64_t raw = 0;
    const auto bytes_max = std::min(kBytesMax, from.size());
    for (std::size_t i = 0; i < bytes_max; ++i) {
        const auto byte = static_cast<std::uint64_t>(from[i]);
        if (i == 9 && byte > 1) return std::nullopt;
        raw |= (byte & 0x7fU) << (7 * i);
        if (byte < 0x80) {
            from = from.subspan(i + 1);
            return static_cast<std::int64_t>(raw >> 1U) ^ -static_cast<std::int64_t>(raw & 1U);
        }
    }
    return std::nullopt;
}

[[nodiscard]] inline std::optional<std::int32_t> take_varint(Bytes& from) noexcept {
    auto rest = from;
    const auto value = take_zigzag<kVarintBytesMax>(rest);
    if (!value || *value < INT32_MIN || *value > INT32_MAX) return std::nullopt;
    from = rest;
    return static_cast<std::int32_t>(*value);
}

[[nodiscard]] inline std::optional<std::int64_t> take_varlong(Bytes& from) noexcept {
    return take_zigzag<kVarlongBytesMax>(from);
}

}  // namespace millrace::engine
