// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Threads that run file operations which may block, so that the loops never do.
//
// Lifecycle:   the constructor starts them; the destructor waits until nothing is queued or
// running.
#pragma once

#include "engine/io/file_job.h"
#include "engine/result.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace millrace::engine {

// Starts a thread that takes no signals (they belong to the process's own threads) and bears a
// name of at most 15 characters. Errors: io_failed (EAGAIN: no more threads).
[[nodiscard]] Result<std::thread> start_thread(const char* name,
                                               void (*run)(void*),
                                               void* argument);

class WorkerThreads {
public:
    // Errors: io_failed when a thread cannot be started.
    [[nodiscard]] static Result<std::unique_ptr<WorkerThreads>> start(const char* name,
                                                                      unsigned count);
    WorkerThreads() = default;  // Without threads: use start().
    ~WorkerThreads();
    WorkerThreads(const WorkerThreads&) = delete;
    WorkerThreads& operator=(const WorkerThreads&) = delete;

    // Takes the job; it goes to job.home when it has run. Jobs start in the order pushed.
    // Thread: any.
    void push(FileJob& job) noexcept;

private:
    void run() noexcept;

    std::mutex mutex_;
    std::condition_variable wake_;
    FileJobList jobs_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace millrace::engine
