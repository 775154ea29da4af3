// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/io_gates.h"

#include "engine/assert.h"

#include <utility>

namespace millrace::engine {

bool IoGate::take(std::uint64_t units, GateWaiter& waiter) noexcept {
    if (units_ == 0 || units_ + units <= units_max_) {
        units_ += units;
        return true;
    }
    if (!waiter.queued) {
        waiter.queued = true;
        (last_ == nullptr ? first_ : last_->next) = &waiter;
        last_ = &waiter;
    }
    return false;
}

void IoGate::give_back(std::uint64_t units) noexcept {
    ASSERT(units <= units_);
    units_ -= units;
    // Each waiter tries once; one that finds no room queues again behind the others.
    const auto* end = last_;
    for (auto* waiter = first_; waiter != nullptr && (units_ == 0 || units_ < units_max_);) {
        first_ = std::exchange(waiter->next, nullptr);
        if (first_ == nullptr) last_ = nullptr;
        waiter->queued = false;
        waiter->ready(*waiter);
        if (waiter == end) return;
        waiter = first_;
    }
}

void IoGate::forget(GateWaiter& waiter) noexcept {
    if (!waiter.queued) return;
    GateWaiter* before = nullptr;
    for (auto* at = first_; at != &waiter; at = at->next)
        before = at;
    (before == nullptr ? first_ : before->next) = waiter.next;
    if (last_ == &waiter) last_ = before;
    waiter.next = nullptr;
    waiter.queued = false;
}

}  // namespace millrace::engine
