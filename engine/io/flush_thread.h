// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The thread that makes the WAL durable: it writes all groups that are queued for a file, then one
// fdatasync covers them and every other request for that file, so that flushes get fewer as the
// load grows.
//
// Why a thread of its own: on a device without FUA its wake-up stays short when all cores are
// busy, where the kernel's own workers for synced writes of a ring do not. Why it writes, too: see
// docs/decisions/0004-flush-thread-writes.md.
//
// Lifecycle:   the constructor starts it; the destructor waits until nothing is queued or running.
#pragma once

#include "engine/io/file_job.h"
#include "engine/result.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace millrace::engine {

class FlushThread {
public:
    using Run = BlockingOutcome (*)(FileOp& op,
                                    int descriptor,
                                    const DataDirectory& directory) noexcept;

    // `run` does one write or sync. Errors: io_failed when the thread cannot be started.
    [[nodiscard]] static Result<std::unique_ptr<FlushThread>> start(Run run = run_blocking);
    FlushThread() = default;  // Without threads: use start().
    ~FlushThread();
    FlushThread(const FlushThread&) = delete;
    FlushThread& operator=(const FlushThread&) = delete;

    // Takes a job of kind sync_data, or a write that syncs its file. Thread: any.
    void push(FileJob& job) noexcept;

private:
    void work() noexcept;
    [[nodiscard]] FileJobList flush(FileJobList covered) noexcept;

    Run run_ = run_blocking;
    std::mutex mutex_;
    std::condition_variable wake_;
    FileJobList jobs_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace millrace::engine
