// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Whether a frame that has begun comes on: by a little within the progress deadline, and while
// others wait for memory at some rate, because what has arrived of it keeps memory.
#pragma once

#include "engine/clock.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace millrace::broker {

class ReceiveProgress {
public:
    // Nothing was owed before now: a frame came whole, none had begun, or nobody read.
    void restart(engine::MonotonicTime now) noexcept {
        progress_at_ = checked_at_ = now;
        since_progress_ = since_check_ = 0;
    }

    void received(std::size_t bytes, engine::MonotonicTime now) noexcept {
        since_progress_ += bytes;
        since_check_ += bytes;
        if (since_progress_ < kProgressBytes) return;
        since_progress_ = 0;
        progress_at_ = now;
    }

    [[nodiscard]] bool stalled(engine::MonotonicTime now,
                               engine::MonotonicTime deadline) const noexcept {
        return now >= progress_at_ + deadline;
    }

    // Less came since the last check than has to while memory is scarce. Begins the next check;
    // false before `interval` has passed.
    [[nodiscard]] bool slow(engine::MonotonicTime now, engine::MonotonicTime interval) noexcept {
        if (now < checked_at_ + interval) return false;
        checked_at_ = now;
        return std::exchange(since_check_, 0) < kScarceBytes;
    }

    // When stalled() or slow() may have something to say.
    [[nodiscard]] engine::MonotonicTime next(engine::MonotonicTime deadline,
                                             engine::MonotonicTime interval) const noexcept {
        return std::min(progress_at_ + deadline, checked_at_ + interval);
    }

private:
    static constexpr std::size_t kProgressBytes = 4096;
    static constexpr std::size_t kScarceBytes = 64UL << 10;

    engine::MonotonicTime progress_at_{};
    engine::MonotonicTime checked_at_{};
    std::size_t since_progress_ = 0;
    std::size_t since_check_ = 0;
};

}  // namespace millrace::broker
