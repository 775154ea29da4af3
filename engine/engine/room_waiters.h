// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Appends that found no room, in the order they came.
//
// Thread:      its shard's.
#pragma once

#include "engine/assert.h"
#include "engine/engine.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace millrace::engine {

class RoomWaiters {
public:
    RoomWaiters() = default;
    RoomWaiters(const RoomWaiters&) = delete;
    RoomWaiters& operator=(const RoomWaiters&) = delete;

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    void add(RoomWaiter& waiter) noexcept {
        ASSERT(waiter.ready != nullptr && waiter.next == nullptr && waiter.previous == nullptr);
        ASSERT(&waiter != first_);
        waiter.previous = last_;
        (last_ == nullptr ? first_ : last_->next) = &waiter;
        last_ = &waiter;
        ++count_;
    }

    // Does nothing when it is not waiting.
    void cancel(RoomWaiter& waiter) noexcept {
        if (waiter.previous == nullptr && first_ != &waiter) return;
        (waiter.previous == nullptr ? first_ : waiter.previous->next) = waiter.next;
        (waiter.next == nullptr ? last_ : waiter.next->previous) = waiter.previous;
        waiter.next = waiter.previous = nullptr;
        --count_;
    }

    // Those at the front that `room` bytes suffice for. Nobody overtakes a large one. One that
    // asks for more than `bytes_max` comes when all of that is free.
    void wake(std::uint64_t room, std::uint64_t bytes_max) noexcept {
        // Who waits again from inside `ready` is not asked twice.
        for (auto left = count_; left > 0 && first_ != nullptr; --left) {
            auto& waiter = *first_;
            const auto needed = std::min(waiter.bytes, bytes_max);
            if (needed > room) return;
            room -= needed;
            cancel(waiter);
            waiter.ready(waiter);
        }
    }

    // All of them: what they retry is refused with the reason.
    void wake_all() noexcept { wake(UINT64_MAX, 0); }

private:
    RoomWaiter* first_ = nullptr;
    RoomWaiter* last_ = nullptr;
    std::size_t count_ = 0;
};

}  // namespace millrace::engine
