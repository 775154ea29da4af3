// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Values of settings as people write them: plain integers in Kafka's units, or with a unit.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::broker {

// "1073741824", "1GiB", "64 MiB", "512k" is refused: units are B, KiB, MiB, GiB, TiB, and KB, MB,
// GB, TB for powers of 1000. "-1" is the setting's own matter. None: not a size, or too large.
[[nodiscard]] std::optional<std::int64_t> parse_bytes(std::string_view text);

// Milliseconds: "604800000", "7d", "12h", "30m", "10s", "500ms".
[[nodiscard]] std::optional<std::int64_t> parse_milliseconds(std::string_view text);

[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);

// A decimal number from 0 to 1.
[[nodiscard]] std::optional<double> parse_ratio(std::string_view text);

}  // namespace millrace::broker
