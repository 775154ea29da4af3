// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Numbers as people write them: sizes, durations, rates.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::cli {

// "1048576", "64KiB", "1 MiB", "5M" (thousands for k, M, G; powers of 1,024 for KiB, MiB, GiB).
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text);

// "500ms", "2s", "5 m": a whole number with ms, s, m, h or d.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// "5000/s", "5k/s".
[[nodiscard]] std::optional<std::uint64_t> parse_rate(std::string_view text);

// "358 MiB", "12 B".
[[nodiscard]] std::string size_text(std::uint64_t bytes);

// "9,118,204"
[[nodiscard]] std::string count_text(std::uint64_t count);

}  // namespace millrace::cli
