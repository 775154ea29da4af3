// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Positions as people write them.
#pragma once

#include "millrace/types.h"

#include <optional>
#include <string_view>

namespace millrace::cli {

// "start" ("earliest"), "end" ("latest"), "N", "-N" (before the end), "@time": milliseconds since
// 1970, or 2024-05-01, 2024-05-01T10:00, 2024-05-01T10:00:30.250, with Z or +02:00 behind (UTC
// where nothing is said).
[[nodiscard]] std::optional<Position> parse_position(std::string_view text);

}  // namespace millrace::cli
