// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What the ring and the threads have in common: open files, the threads for what may block, and
// completions that run on the shard's thread. They differ in how bytes are read and written.
#pragma once

#include "engine/io/completion_queue.h"
#include "engine/io/file_table.h"
#include "engine/io/flush_thread.h"
#include "engine/io/worker_threads.h"
#include "engine/storage.h"

#include <memory>
#include <utility>

namespace millrace::engine {

// First in, first out, linked by FileOp::next.
class FileOpList {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    void push_back(FileOp& op) noexcept {
        op.next = nullptr;
        (first_ == nullptr ? first_ : last_->next) = &op;
        last_ = &op;
    }

    // Null when empty.
    [[nodiscard]] FileOp* pop_front() noexcept {
        auto* const op = first_;
        if (op != nullptr) first_ = std::exchange(op->next, nullptr);
        return op;
    }

private:
    FileOp* first_ = nullptr;
    FileOp* last_ = nullptr;
};

// The parts of a shard's storage that its maker provides.
struct StorageParts {
    DataDirectory directory;
    bool prefers_synced_writes = false;
    WorkerThreads* pool = nullptr;  // Of the process: everything in the background that may block.
    std::unique_ptr<CompletionQueue> completions;
    std::unique_ptr<FlushThread> flush;  // This shard's WAL.
};

// Lifecycle:   a derived destructor calls drain(): memory is borrowed by operations in flight.
class FileStorage : public Storage {
public:
    void submit(FileOp& op) noexcept final;
    std::size_t run_completions() noexcept final;

    [[nodiscard]] int wake_descriptor() const noexcept final;

    [[nodiscard]] std::size_t in_flight() const noexcept final { return in_flight_; }

    [[nodiscard]] bool prefers_synced_writes() const noexcept final {
        return parts_.prefers_synced_writes;
    }

protected:
    explicit FileStorage(StorageParts parts) noexcept : parts_(std::move(parts)) {}

    // Starts a read or a write of an open file.
    virtual void transfer(FileOp& op, OpenFile& file) noexcept = 0;

    // Calls completed() for what has completed besides the jobs of threads.
    virtual void reap() noexcept {}

    // A file has been opened, or is about to be closed.
    virtual void file_opened(FileHandle /*handle*/, OpenFile& /*file*/) noexcept {}

    virtual void file_closing(FileHandle /*handle*/, OpenFile& /*file*/) noexcept {}

    // Gives the operation to the threads of the process, or to others.
    void run_on_pool(FileOp& op, int descriptor) noexcept;
    void run_on(WorkerThreads& threads, FileOp& op, int descriptor) noexcept;
    // Its `done` runs with the next completions.
    void completed(FileOp& op, std::int64_t result) noexcept;
    // Waits until nothing is in flight; runs no `done`.
    void drain() noexcept;

    [[nodiscard]] CompletionQueue& completions() noexcept { return *parts_.completions; }

    [[nodiscard]] const StorageParts& parts() const noexcept { return parts_; }

    [[nodiscard]] OpenFile* find(FileHandle handle) noexcept { return files_.find(handle); }

private:
    void submit_on_file(FileOp& op, OpenFile& file) noexcept;
    [[nodiscard]] FileJob& job_for(FileOp& op, int descriptor) noexcept;
    void collect() noexcept;
    void job_returned(FileJob& job) noexcept;
    void note_size(const FileOp& op) noexcept;

    StorageParts parts_;
    FileTable files_;
    FileJobPool jobs_;
    FileOpList completed_;
    std::size_t in_flight_ = 0;
};

}  // namespace millrace::engine
