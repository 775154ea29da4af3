// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/log_holds.h"

#include "engine/log/log_state.h"

#include <utility>

namespace millrace::engine {

void LogHolds::wait(LogState& log, LogWaiter& waiter) noexcept {
    const bool over = !log.held || log.removed;
    (over ? ready_ : log.hold_waiters).push_back(waiter);
}

void LogHolds::cancel(LogWaiter& waiter) noexcept {
    if (waiter.list != nullptr) waiter.list->remove(waiter);
}

void LogHolds::released(LogState& log) noexcept {
    while (auto* waiter = log.hold_waiters.first()) {
        log.hold_waiters.remove(*waiter);
        ready_.push_back(*waiter);
    }
}

void LogHolds::end_turn() noexcept {
    // Those who come while these are told, are told at the next turn.
    LogWaiterList telling;
    while (auto* waiter = ready_.first()) {
        ready_.remove(*waiter);
        telling.push_back(*waiter);
    }
    while (auto* waiter = telling.first()) {
        telling.remove(*waiter);
        waiter->ready(*waiter);
    }
}

}  // namespace millrace::engine
