// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace millrace::engine {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;

// Unit of direct I/O and of the WAL, whatever the device's sector is.
inline constexpr std::uint64_t kBlockBytes = 4096;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
    return (value + unit - 1) / unit * unit;
}

constexpr std::uint64_t round_down(std::uint64_t value, std::uint64_t unit) {
    return value / unit * unit;
}

}  // namespace millrace::engine
