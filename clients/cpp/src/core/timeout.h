// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Times that callers give may be as long as they like; sums of them must not overflow.
#pragma once

#include <algorithm>
#include <chrono>

namespace millrace::detail {

inline constexpr std::chrono::milliseconds kTimeoutMax = std::chrono::hours(24 * 365);

// The same time, or a year when it is longer.
template <class Duration>
constexpr Duration bounded(Duration timeout) {
    return std::min(timeout, std::chrono::duration_cast<Duration>(kTimeoutMax));
}

}  // namespace millrace::detail
