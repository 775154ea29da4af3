// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// How a shard learns that something has completed: a list filled by threads, and the eventfd
// that wakes its loop. The ring signals the same eventfd.
#pragma once

#include "engine/io/descriptor.h"
#include "engine/io/file_job.h"
#include "engine/result.h"

#include <memory>
#include <mutex>

namespace millrace::engine {

class CompletionQueue {
public:
    // Errors: io_failed (no more descriptors).
    [[nodiscard]] static Result<std::unique_ptr<CompletionQueue>> make();

    explicit CompletionQueue(Descriptor event) noexcept : event_(std::move(event)) {}

    // Thread: any. After it the job belongs to the shard again.
    void push(FileJob& job) noexcept;
    // All jobs of a list, with one wake-up.
    void push_all(FileJobList jobs) noexcept;

    // Thread: the shard's.
    [[nodiscard]] FileJobList take_all() noexcept;
    // Takes the wake-ups so far away; what completes after it wakes again.
    void clear_wake() noexcept;
    void wake() noexcept;

    [[nodiscard]] int descriptor() const noexcept { return event_.get(); }

private:
    Descriptor event_;
    std::mutex mutex_;
    FileJobList jobs_;
};

}  // namespace millrace::engine
