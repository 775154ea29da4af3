// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/io/flush_thread.h"

#include "engine/assert.h"
#include "engine/io/completion_queue.h"
#include "engine/io/worker_threads.h"

namespace millrace::engine {

Result<std::unique_ptr<FlushThread>> FlushThread::start(Run run) {
    auto flush = std::make_unique<FlushThread>();
    flush->run_ = run;
    TRY(flush->thread_,
        start_thread(
                "mr-flush",
                [](void* self) { static_cast<FlushThread*>(self)->work(); },
                flush.get()));
    return flush;
}

FlushThread::~FlushThread() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void FlushThread::push(FileJob& job) noexcept {
    ASSERT(job.op->kind == FileOpKind::sync_data || job.op->sync == WriteSync::file);
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(job);
    }
    // Not under the lock, on which the thread would wait again at once.
    wake_.notify_one();
}

void FlushThread::work() noexcept {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (jobs_.empty()) {
            if (stopping_) return;
            wake_.wait(lock);
            continue;
        }
        auto covered = jobs_.extract(jobs_.front().descriptor);
        lock.unlock();
        auto* const home = covered.front().home;
        auto done = flush(covered);
        home->push_all(done);
        lock.lock();
    }
}

// All on one file. A write that failed tells its own error; a failed sync fails all.
FileJobList FlushThread::flush(FileJobList covered) noexcept {
    FileJobList written;
    auto& first = covered.front();
    while (auto* const job = covered.pop_front()) {
        job->outcome = {};
        if (job->op->kind == FileOpKind::write) {
            job->outcome = run_(*job->op, job->descriptor, *job->directory);
        }
        written.push_back(*job);
    }
    FileOp sync = *first.op;
    sync.kind = FileOpKind::sync_data;
    const auto synced = run_(sync, first.descriptor, *first.directory);
    FileJobList done;
    while (auto* const job = written.pop_front()) {
        const bool failed = synced.result < 0 && job->outcome.result >= 0;
        if (failed) job->outcome = synced;
        done.push_back(*job);
    }
    return done;
}

}  // namespace millrace::engine
