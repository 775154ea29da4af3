// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/loop_timer.h"

#include "engine/assert.h"

#include <utility>

namespace millrace::broker {

LoopTimer::LoopTimer(uv_loop_t& loop, engine::Clock& clock)
        : clock_(clock), wheel_(TimerWheel::tick_at_or_before(clock.monotonic_now())) {
    const int failed = uv_timer_init(&loop, &handle_);
    ASSERT(failed == 0);
    handle_.data = this;
}

void LoopTimer::arm(Timer& timer, engine::MonotonicTime deadline) noexcept {
    wheel_.arm(timer, deadline);
    if (!running_) schedule();
}

// The handle is left alone: it finds nothing due and waits for the next one.
void LoopTimer::disarm(Timer& timer) noexcept {
    wheel_.disarm(timer);
}

void LoopTimer::close() noexcept {
    if (std::exchange(closed_, true)) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle_), nullptr);
}

void LoopTimer::schedule() noexcept {
    const auto next = wheel_.next();
    if (next >= scheduled_ || closed_) return;
    scheduled_ = next;
    const auto now = TimerWheel::tick_at_or_before(clock_.monotonic_now());
    // libuv counts from the start of its turn.
    uv_update_time(handle_.loop);
    uv_timer_start(
            &handle_,
            [](uv_timer_t* handle) { static_cast<LoopTimer*>(handle->data)->run(); },
            next > now ? next - now : 0,
            0);
}

void LoopTimer::run() noexcept {
    scheduled_ = TimerWheel::kNever;
    running_ = true;
    wheel_.advance(TimerWheel::tick_at_or_before(clock_.monotonic_now()));
    running_ = false;
    schedule();
}

}  // namespace millrace::broker
