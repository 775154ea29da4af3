// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/io/completion_queue.h"

#include "engine/assert.h"

#include <cerrno>
#include <sys/eventfd.h>

namespace millrace::engine {

Result<std::unique_ptr<CompletionQueue>> CompletionQueue::make() {
    Descriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event) return failure(Errc::io_failed, errno);
    return std::make_unique<CompletionQueue>(std::move(event));
}

// The wake-up happens under the lock: once the shard has seen the last job it may destroy the
// queue, and then no thread may still be about to touch it.
void CompletionQueue::push(FileJob& job) noexcept {
    const std::lock_guard lock(mutex_);
    if (jobs_.empty()) wake();
    jobs_.push_back(job);
}

void CompletionQueue::push_all(FileJobList jobs) noexcept {
    const std::lock_guard lock(mutex_);
    if (jobs_.empty() && !jobs.empty()) wake();
    while (auto* const job = jobs.pop_front())
        jobs_.push_back(*job);
}

FileJobList CompletionQueue::take_all() noexcept {
    const std::lock_guard lock(mutex_);
    return std::exchange(jobs_, {});
}

void CompletionQueue::clear_wake() noexcept {
    eventfd_t count = 0;
    const auto result = ::eventfd_read(event_.get(), &count);
    ASSERT(result == 0 || errno == EAGAIN || errno == EINTR);
}

void CompletionQueue::wake() noexcept {
    ::eventfd_write(event_.get(), 1);
}

}  // namespace millrace::engine
