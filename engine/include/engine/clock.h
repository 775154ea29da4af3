// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/types.h"

#include <chrono>

namespace millrace::engine {

using MonotonicTime = std::chrono::nanoseconds;  // Since an arbitrary start; never goes back.

// The only source of time, so that a seed replays a run.
// Thread: any.
class Clock {
public:
    virtual ~Clock() = default;

    [[nodiscard]] virtual MonotonicTime monotonic_now() noexcept = 0;

    // Wall time. Only for retention, segment.ms, LogAppendTime and expiry, never for decisions
    // about order or durability.
    [[nodiscard]] virtual TimestampMs wall_now() noexcept = 0;

protected:
    Clock() = default;
    Clock(const Clock&) = default;
    Clock& operator=(const Clock&) = default;
};

}  // namespace millrace::engine
