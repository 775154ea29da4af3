// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The one table of APIs.
#pragma once

#include "broker/protocol/api.h"

#include <cstddef>
#include <span>

namespace millrace::broker {

inline constexpr std::size_t kApiCount = 19;

// In the order of their numbers.
[[nodiscard]] std::span<const ApiRow, kApiCount> api_table() noexcept;

// Null: no such API.
[[nodiscard]] const ApiRow* find_api(std::uint16_t api) noexcept;

}  // namespace millrace::broker
