// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Wall time that a jump of the system's clock cannot move at once: it goes on with the monotonic
// clock and is drawn towards wall time by at most 10 minutes an hour. Checkpoints carry it, so that
// a start sees how far the wall clock has jumped while the broker was down.
#pragma once

#include "engine/clock.h"

#include <algorithm>
#include <chrono>

namespace millrace::engine {

class GuardedClock {
public:
    // `last`: what the last checkpoint says; 0: there was none.
    GuardedClock(Clock& clock, TimestampMs last)
            : clock_(clock), seen_(clock.monotonic_now()), now_(std::max(last, clock.wall_now())) {}

    // Never goes back.
    [[nodiscard]] TimestampMs now() noexcept {
        const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
                clock_.monotonic_now() - seen_);
        seen_ += elapsed;
        const auto drawn_max = elapsed.count() / 6;
        const auto behind = clock_.wall_now() - (now_ + elapsed.count());
        now_ += elapsed.count() + std::clamp<TimestampMs>(behind, -drawn_max, drawn_max);
        return now_;
    }

private:
    Clock& clock_;
    MonotonicTime seen_;
    TimestampMs now_;
};

}  // namespace millrace::engine
