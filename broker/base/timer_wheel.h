// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Timers by their millisecond, in five wheels of 64 slots, each wheel 64 times slower than the one
// before: arming, disarming and firing cost the same for one timer and for a million.
//
// Thread:  one. No allocation: timers are linked where they are.
#pragma once

#include "broker/base/timer.h"

#include <array>
#include <cstdint>
#include <limits>

namespace millrace::broker {

class TimerWheel {
public:
    static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

    // Ticks are milliseconds of the clock that deadlines are of.
    explicit TimerWheel(std::uint64_t now);
    TimerWheel(const TimerWheel&) = delete;
    TimerWheel& operator=(const TimerWheel&) = delete;

    void arm(Timer& timer, engine::MonotonicTime deadline) noexcept;
    void disarm(Timer& timer) noexcept;

    // Fires what is due at `now`, in the order of their ticks. What fires may arm and disarm; a
    // timer armed for a time that has passed fires one tick later.
    void advance(std::uint64_t now) noexcept;

    // The tick at which advance() must be called; early where timers wait in a slow wheel.
    [[nodiscard]] std::uint64_t next() const noexcept;

    [[nodiscard]] static std::uint64_t tick_at_or_before(engine::MonotonicTime time) noexcept;

private:
    static constexpr unsigned kLevels = 5;
    static constexpr unsigned kSlotBits = 6;
    static constexpr unsigned kSlots = 1U << kSlotBits;

    struct Place {
        unsigned level = 0;
        unsigned slot = 0;
        std::uint64_t tick = kNever;
    };

    void insert(Timer& timer) noexcept;
    [[nodiscard]] Place first_place() const noexcept;
    void empty_slot(Place place) noexcept;
    static void append(Timer& list, Timer& timer) noexcept;
    static void unlink(Timer& timer) noexcept;

    std::uint64_t now_;
    // Of each level, the slots that may hold timers; disarming leaves a bit behind.
    mutable std::array<std::uint64_t, kLevels> occupied_{};
    std::array<std::array<Timer, kSlots>, kLevels> slots_{};  // Heads of circular lists.
};

}  // namespace millrace::broker
