// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// All timers of a shard over one libuv timer, which runs only while a timer is armed.
//
// Lifecycle:   close(), then let the loop run until it has no handles, then destroy.
#pragma once

#include "broker/base/timer.h"
#include "broker/base/timer_wheel.h"

#include <uv.h>

namespace millrace::broker {

class LoopTimer final : public TimerService {
public:
    LoopTimer(uv_loop_t& loop, engine::Clock& clock);
    LoopTimer(const LoopTimer&) = delete;
    LoopTimer& operator=(const LoopTimer&) = delete;

    void arm(Timer& timer, engine::MonotonicTime deadline) noexcept override;
    void disarm(Timer& timer) noexcept override;
    void close() noexcept;

private:
    void schedule() noexcept;
    void run() noexcept;

    engine::Clock& clock_;
    TimerWheel wheel_;
    uv_timer_t handle_{};
    std::uint64_t scheduled_ = TimerWheel::kNever;  // The tick the handle waits for.
    bool running_ = false;
    bool closed_ = false;
};

}  // namespace millrace::broker
