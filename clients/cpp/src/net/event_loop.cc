// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "net/event_loop.h"

#include <csignal>
#include <system_error>

namespace millrace::detail {

namespace {

// Signals belong to the program's own threads; a broken connection must not raise SIGPIPE.
class AllSignalsBlocked {
public:
    AllSignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }

    ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

private:
    sigset_t before_{};
};

Error no_loop(const char* what) {
    return {ErrorCode::unreachable, std::string("The I/O thread cannot start: ") + what};
}

}  // namespace

Result<std::shared_ptr<EventLoop>> EventLoop::start() {
    auto loop = std::make_shared<EventLoop>();
    if (const int error = uv_loop_init(&loop->loop_); error != 0) {
        return no_loop(uv_strerror(error));
    }
    if (const int error = uv_async_init(&loop->loop_, &loop->wake_, &EventLoop::on_wake);
        error != 0) {
        uv_loop_close(&loop->loop_);
        return no_loop(uv_strerror(error));
    }
    loop->wake_.data = loop.get();
    try {
        const AllSignalsBlocked blocked;
        // The thread keeps the loop alive: it may be the last one that knows it.
        const std::lock_guard lock(loop->mutex_);
        loop->thread_ = std::thread([loop] {
            uv_run(&loop->loop_, UV_RUN_DEFAULT);
            uv_loop_close(&loop->loop_);
        });
    } catch (const std::system_error& error) {
        uv_close(reinterpret_cast<uv_handle_t*>(&loop->wake_), nullptr);
        uv_run(&loop->loop_, UV_RUN_DEFAULT);
        uv_loop_close(&loop->loop_);
        return no_loop(error.what());
    }
    return loop;
}

bool EventLoop::post(Task task) {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    tasks_.push_back(std::move(task));
    if (tasks_.size() == 1) uv_async_send(&wake_);
    return true;
}

bool EventLoop::on_thread() const noexcept {
    return std::this_thread::get_id() == thread_.get_id();
}

engine::MonotonicTime EventLoop::now() noexcept {
    return engine::MonotonicTime(uv_hrtime());
}

void EventLoop::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        uv_async_send(&wake_);
    }
    if (on_thread() || look_ups_ > 0) {
        thread_.detach();
    } else {
        thread_.join();
    }
}

void EventLoop::on_wake(uv_async_t* async) noexcept {
    static_cast<EventLoop*>(async->data)->run_tasks();
}

void EventLoop::run_tasks() noexcept {
    std::vector<Task> tasks;
    bool stopping = false;
    {
        const std::lock_guard lock(mutex_);
        tasks.swap(tasks_);
        stopping = stopping_;
    }
    for (auto& task : tasks) {
        task();
        task = nullptr;  // What it held ends here, not with its neighbours.
    }
    if (stopping && uv_is_closing(reinterpret_cast<uv_handle_t*>(&wake_)) == 0) {
        uv_close(reinterpret_cast<uv_handle_t*>(&wake_), nullptr);
    }
}

Timer::Timer(EventLoop& loop, EventLoop::Task task) : state_(new State) {
    state_->task = std::move(task);
    state_->handle.data = state_;
    uv_timer_init(loop.handle(), &state_->handle);
}

Timer::~Timer() {
    uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
             [](uv_handle_t* handle) noexcept { delete static_cast<State*>(handle->data); });
}

void Timer::start_at(engine::MonotonicTime when) noexcept {
    const auto now = EventLoop::now();
    const auto delay = when > now ? when - now : engine::MonotonicTime(0);
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(delay).count();
    // The loop's own idea of now may be old, by as much as a callback took.
    uv_update_time(state_->handle.loop);
    uv_timer_start(
            &state_->handle,
            [](uv_timer_t* timer) noexcept { static_cast<State*>(timer->data)->task(); },
            static_cast<std::uint64_t>(milliseconds),
            0);
}

void Timer::cancel() noexcept {
    uv_timer_stop(&state_->handle);
}

}  // namespace millrace::detail
