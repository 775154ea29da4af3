// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Logs that an atomic append holds, and who waits until it is done with them.
//
// Thread:      the shard's.
// Order:       those who wait for a log are told in the order in which they came.
#pragma once

#include "engine/log.h"

namespace millrace::engine {

struct LogState;

class LogHolds {
public:
    LogHolds() = default;
    LogHolds(const LogHolds&) = delete;
    LogHolds& operator=(const LogHolds&) = delete;

    // Told once, at the end of a turn, when the log is released, removed or failed.
    void wait(LogState& log, LogWaiter& waiter) noexcept;
    static void cancel(LogWaiter& waiter) noexcept;

    // What waits for the log is told at the end of this turn.
    void released(LogState& log) noexcept;

    // Tells. Once per loop turn.
    void end_turn() noexcept;

    [[nodiscard]] bool has_news() const noexcept { return !ready_.empty(); }

private:
    LogWaiterList ready_;
};

}  // namespace millrace::engine
