// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Integers in bytes at any alignment. Kafka's formats are big endian, ours little.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>

namespace millrace::engine {

static_assert(std::endian::native == std::endian::little);

template <std::integral T>
[[nodiscard]] inline T load_little(const std::byte* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <std::integral T>
inline void store_little(std::byte* to, T value) noexcept {
    std::memcpy(to, &value, sizeof value);
}

template <std::integral T>
[[nodiscard]] inline T load_big(const std::byte* from) noexcept {
    return std::byteswap(load_little<T>(from));
}

template <std::integral T>
inline void store_big(std::byte* to, T value) noexcept {
    store_little(to, std::byteswap(value));
}

}  // namespace millrace::engine
