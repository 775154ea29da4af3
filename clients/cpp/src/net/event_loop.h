// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The one I/O thread of a client and its libuv loop.
//
// Lifecycle:   start, post, stop; stop waits for the thread, except on the thread itself. Whatever
//              was made on the loop must have been closed by a task posted before stop.
// Thread:      post, stop, on_thread and now from any; the rest on the loop's thread.
#pragma once

#include "engine/clock.h"
#include "millrace/result.h"

#include <uv.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace millrace::detail {

class EventLoop {
public:
    using Task = std::function<void()>;

    // Errors: unreachable (the system refuses a loop or a thread).
    static Result<std::shared_ptr<EventLoop>> start();

    EventLoop() = default;
    ~EventLoop() = default;
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    // Runs `task` on the thread, in order of posting. False after stop: it will not run.
    bool post(Task task);

    [[nodiscard]] bool on_thread() const noexcept;

    [[nodiscard]] static engine::MonotonicTime now() noexcept;

    // Runs what was posted, then ends the thread; waits for its end unless it is this one or may
    // still wait for a name.
    void stop();

    // A look-up of a name, which nothing can interrupt, begins or has ended.
    void look_up_began() noexcept { ++look_ups_; }

    void look_up_ended() noexcept { --look_ups_; }

    [[nodiscard]] uv_loop_t* handle() noexcept { return &loop_; }

private:
    static void on_wake(uv_async_t* async) noexcept;
    void run_tasks() noexcept;

    uv_loop_t loop_{};
    uv_async_t wake_{};
    std::thread thread_;
    std::mutex mutex_;
    std::vector<Task> tasks_;
    bool stopping_ = false;
    std::atomic<int> look_ups_{0};
};

// Calls a function at a time on the loop's thread.
class Timer {
public:
    Timer(EventLoop& loop, EventLoop::Task task);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    // Replaces an earlier time. Never early, at most a millisecond late by rounding.
    void start_at(engine::MonotonicTime when) noexcept;
    void cancel() noexcept;

private:
    struct State {
        uv_timer_t handle{};
        EventLoop::Task task;
    };

    State* state_;  // Freed by its close callback.
};

}  // namespace millrace::detail
