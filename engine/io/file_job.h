// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A file operation on its way through a thread and back to its shard.
#pragma once

#include "engine/io/blocking_file_op.h"

#include <memory>
#include <utility>
#include <vector>

namespace millrace::engine {

class CompletionQueue;

struct FileJob {
    FileOp* op = nullptr;
    int descriptor = -1;
    const DataDirectory* directory = nullptr;
    CompletionQueue* home = nullptr;  // Where the job goes when it has run.
    BlockingOutcome outcome;
    FileJob* next = nullptr;
};

// First in, first out.
class FileJobList {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    void push_back(FileJob& job) noexcept {
        job.next = nullptr;
        (first_ == nullptr ? first_ : last_->next) = &job;
        last_ = &job;
    }

    // Null when empty.
    [[nodiscard]] FileJob* pop_front() noexcept {
        auto* const job = first_;
        if (job != nullptr) first_ = std::exchange(job->next, nullptr);
        return job;
    }

    // Takes out every job on this descriptor, in order.
    [[nodiscard]] FileJobList extract(int descriptor) noexcept {
        FileJobList all = std::exchange(*this, {});
        FileJobList chosen;
        while (auto* job = all.pop_front()) {
            (job->descriptor == descriptor ? chosen : *this).push_back(*job);
        }
        return chosen;
    }

    // Requires: not empty.
    [[nodiscard]] FileJob& front() const noexcept { return *first_; }

private:
    FileJob* first_ = nullptr;
    FileJob* last_ = nullptr;
};

// Jobs of one shard, used again and again: as many as were ever in flight at once.
// Thread: the shard's.
class FileJobPool {
public:
    [[nodiscard]] FileJob& take() {
        if (auto* const job = free_.pop_front()) return *job;
        return *jobs_.emplace_back(std::make_unique<FileJob>());
    }

    void give_back(FileJob& job) noexcept {
        job = {};
        free_.push_back(job);
    }

private:
    std::vector<std::unique_ptr<FileJob>> jobs_;
    FileJobList free_;
};

}  // namespace millrace::engine
