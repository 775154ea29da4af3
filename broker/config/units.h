// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Sizes and durations as people write them: "64MiB", "1.5 GiB", "30 s", "7d". A unit is always due.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::broker {

inline constexpr std::string_view kSizeUnits = "B, KiB, MiB, GiB, TiB, kB, MB, GB, TB";
inline constexpr std::string_view kDurationUnits = "us, ms, s, min, h, d";

// Nothing when there is no number, no known unit, or the value does not fit or is not whole.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
[[nodiscard]] std::optional<std::chrono::microseconds> parse_duration(std::string_view text);

// In the largest unit that gives a whole number; reads back as the same value.
[[nodiscard]] std::string format_size(std::uint64_t bytes);
[[nodiscard]] std::string format_duration(std::chrono::microseconds duration);

}  // namespace millrace::broker
