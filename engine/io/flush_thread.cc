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
    ASSERT(job.op->kind == FileOpKind::sync_data);
    const std::lock_guard lock(mutex_);
    jobs_.push_back(job);
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
        auto covered = jobs_.extract(jobs_.front_descriptor());
        lock.unlock();
        auto* const first = covered.pop_front();
        first->outcome = run_(*first->op, first->descriptor, *first->directory);
        FileJobList done;
        auto* const home = first->home;
        const auto outcome = first->outcome;
        done.push_back(*first);
        while (auto* const job = covered.pop_front()) {
            job->outcome = outcome;
            done.push_back(*job);
        }
        home->push_all(done);
        lock.lock();
    }
}

}  // namespace millrace::engine
