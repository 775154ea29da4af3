// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Wall time that a jump of the system's clock cannot move at once: it goes on with the monotonic
// clock and is drawn towards wall time by at most 10 minutes an hour. Checkpoints carry it, so that
// a start sees how far the wall clock has jumped while the broker was down: when that is more than
// a day, it follows an hour later, so that somebody can put a wrong clock right.
#pragma once

#include "engine/clock.h"

#include <algorithm>
#include <chrono>

namespace millrace::engine {

class GuardedClock {
public:
    // `last`: what the last checkpoint says; 0: there was none.
    GuardedClock(Clock& clock, TimestampMs last) : clock_(clock), seen_(clock.monotonic_now()) {
        const auto wall = clock.wall_now();
        began_far_ahead_ = last > 0 && wall - last > kFarAheadMs;
        held_ = began_far_ahead_;
        held_until_ = seen_ + std::chrono::hours(1);
        now_ = held_ ? last : std::max(last, wall);
    }

    [[nodiscard]] bool began_far_ahead() const noexcept { return began_far_ahead_; }

    // Never goes back.
    [[nodiscard]] TimestampMs now() noexcept {
        const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
                clock_.monotonic_now() - seen_);
        seen_ += elapsed;
        now_ += elapsed.count();
        const auto behind = clock_.wall_now() - now_;
        if (!held_) {
            const auto drawn_max = elapsed.count() / 6;
            now_ += std::clamp<TimestampMs>(behind, -drawn_max, drawn_max);
        } else if (seen_ >= held_until_) {
            held_ = false;
            now_ += std::max<TimestampMs>(behind, 0);
        }
        return now_;
    }

private:
    static constexpr TimestampMs kFarAheadMs = 24LL * 3600 * 1000;

    Clock& clock_;
    MonotonicTime seen_;
    MonotonicTime held_until_;
    TimestampMs now_ = 0;
    bool began_far_ahead_ = false;
    bool held_ = false;  // The wall clock is not followed yet.
};

}  // namespace millrace::engine
