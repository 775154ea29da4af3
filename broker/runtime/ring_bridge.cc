// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/ring_bridge.h"

#include "engine/assert.h"

#include <algorithm>

namespace millrace::broker {

namespace {

// The handler's answers make work for the engine, whose completions make answers. What goes on
// longer than this is for the next turn.
constexpr int kRoundsPerTurn = 8;

template <class Handle>
uv_handle_t* as_handle(Handle& handle) {
    return reinterpret_cast<uv_handle_t*>(&handle);
}

}  // namespace

RingBridge::RingBridge(const RingBridgeParts& parts) : parts_(parts) {
    int failed = uv_loop_configure(&parts_.loop, UV_METRICS_IDLE_TIME);
    ASSERT(failed == 0);
    failed = uv_poll_init(&parts_.loop, &wake_, parts_.storage.wake_descriptor());
    ASSERT(failed == 0);
    wake_.data = this;
    failed = uv_poll_start(&wake_, UV_READABLE, [](uv_poll_t* handle, int, int) {
        static_cast<RingBridge*>(handle->data)->completions();
    });
    ASSERT(failed == 0);
    uv_prepare_init(&parts_.loop, &prepare_);
    prepare_.data = this;
    uv_prepare_start(&prepare_, [](uv_prepare_t* handle) {
        static_cast<RingBridge*>(handle->data)->before_sleep();
    });
    uv_idle_init(&parts_.loop, &awake_);
    deadline_.owner = this;
    deadline_.fired = [](Timer& timer) noexcept {
        // The turn that follows is all that was asked for.
        static_cast<RingBridge*>(timer.owner)->deadline_at_ = engine::MonotonicTime::max();
    };
    last_activity_ = parts_.clock.monotonic_now();
    slept_at_ = last_activity_;
}

void RingBridge::close() noexcept {
    parts_.timers.disarm(deadline_);
    uv_close(as_handle(wake_), nullptr);
    uv_close(as_handle(prepare_), nullptr);
    uv_close(as_handle(awake_), nullptr);
}

void RingBridge::completions() noexcept {
    parts_.engine.run_completions();
    last_activity_ = parts_.clock.monotonic_now();
}

void RingBridge::over() noexcept {
    parts_.engine.end_turn();
}

void RingBridge::before_sleep() noexcept {
    for (int round = 0; round < kRoundsPerTurn; ++round) {
        parts_.engine.end_turn();
        if (connections_ == nullptr) break;
        if (connections_->marked()) last_activity_ = parts_.clock.monotonic_now();
        if (!connections_->end_turn()) break;
    }
    watch_deadline();
    count_turn();
    const bool awake = uv_is_active(as_handle(awake_)) != 0;
    if (must_stay_awake() == awake) return;
    if (awake) {
        uv_idle_stop(&awake_);
    } else {
        uv_idle_start(&awake_, [](uv_idle_t*) {});
    }
}

// What happens between two waits is one turn.
void RingBridge::count_turn() noexcept {
    const auto now = parts_.clock.monotonic_now();
    const auto idle = uv_metrics_idle_time(&parts_.loop);
    const auto waited = std::chrono::nanoseconds(idle - idle_);
    const auto took = std::max(now - slept_at_ - waited, std::chrono::nanoseconds(0));
    counts_.turns.record(took);
    counts_.busy += took;
    slept_at_ = now;
    idle_ = idle;
}

bool RingBridge::must_stay_awake() noexcept {
    if (deadline_passed_) return true;
    if (connections_ != nullptr && connections_->marked()) return true;
    if (parts_.spin.count() == 0) return false;
    return parts_.clock.monotonic_now() - last_activity_ < parts_.spin;
}

void RingBridge::watch_deadline() noexcept {
    const auto at = parts_.engine.next_deadline();
    deadline_passed_ = false;
    if (at == deadline_at_) return;
    parts_.timers.disarm(deadline_);
    deadline_at_ = engine::MonotonicTime::max();
    if (at == engine::MonotonicTime::max()) return;
    deadline_passed_ = at <= parts_.clock.monotonic_now();
    if (deadline_passed_) return;
    deadline_at_ = at;
    parts_.timers.arm(deadline_, at);
}

}  // namespace millrace::broker
