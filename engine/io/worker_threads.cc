// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/io/worker_threads.h"

#include "engine/io/completion_queue.h"

#include <csignal>
#include <pthread.h>
#include <system_error>

namespace millrace::engine {

Result<std::thread> start_thread(const char* name, void (*run)(void*), void* argument) {
    // The mask is inherited: it is set around the start, so that no signal slips in between.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    Result<std::thread> started;
    try {
        started = std::thread(run, argument);
        pthread_setname_np(started->native_handle(), name);
    } catch (const std::system_error& error) {
        started = failure(Errc::io_failed, error.code().value());
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
}

Result<std::unique_ptr<WorkerThreads>> WorkerThreads::start(const char* name, unsigned count) {
    auto workers = std::make_unique<WorkerThreads>();
    for (unsigned i = 0; i < count; ++i) {
        TRY(auto thread,
            start_thread(
                    name,
                    [](void* self) { static_cast<WorkerThreads*>(self)->run(); },
                    workers.get()));
        workers->threads_.push_back(std::move(thread));
    }
    return workers;
}

WorkerThreads::~WorkerThreads() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_)
        thread.join();
}

void WorkerThreads::push(FileJob& job) noexcept {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(job);
    wake_.notify_one();
}

void WorkerThreads::run() noexcept {
    std::unique_lock lock(mutex_);
    for (;;) {
        auto* const job = jobs_.pop_front();
        if (job == nullptr) {
            if (stopping_) return;
            wake_.wait(lock);
            continue;
        }
        lock.unlock();
        job->outcome = run_blocking(*job->op, job->descriptor, *job->directory);
        job->home->push(*job);
        lock.lock();
    }
}

}  // namespace millrace::engine
