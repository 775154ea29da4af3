// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/io/file_storage.h"

#include "engine/assert.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>

namespace millrace::engine {

namespace {

bool is_on_file(FileOpKind kind) noexcept {
    switch (kind) {
        case FileOpKind::close:
        case FileOpKind::read:
        case FileOpKind::write:
        case FileOpKind::sync_data:
        case FileOpKind::allocate:
        case FileOpKind::truncate:
            return true;
        default:
            return false;
    }
}

// FileOp::backend while in flight, so that a second submit of the same operation is found.
constexpr std::uint64_t kInFlight = 1;

}  // namespace

int FileStorage::wake_descriptor() const noexcept {
    return parts_.completions->descriptor();
}

void FileStorage::submit(FileOp& op) noexcept {
    ASSERT(op.done != nullptr);
    ASSERT(op.backend == 0);
    ASSERT(op.next == nullptr);
    op.backend = kInFlight;
    ++in_flight_;
    if (!is_on_file(op.kind)) return run_on_pool(op, -1);
    auto* const file = files_.find(op.file);
    if (file == nullptr || file->closing) {
        completed(op, -EBADF);
        parts_.completions->wake();
        return;
    }
    submit_on_file(op, *file);
}

void FileStorage::submit_on_file(FileOp& op, OpenFile& file) noexcept {
    switch (op.kind) {
        case FileOpKind::write:
            if (op.sync == WriteSync::file) {
                return parts_.flush->push(job_for(op, file.descriptor));
            }
            return transfer(op, file);
        case FileOpKind::read:
            return transfer(op, file);
        case FileOpKind::sync_data:
            if (op.lane == Lane::wal) return parts_.flush->push(job_for(op, file.descriptor));
            break;
        case FileOpKind::truncate:
            file.size = std::min(file.size, op.length);
            break;
        case FileOpKind::close:
            file_closing(op.file, file);
            file.closing = true;
            break;
        default:
            break;
    }
    run_on_pool(op, file.descriptor);
}

FileJob& FileStorage::job_for(FileOp& op, int descriptor) noexcept {
    auto& job = jobs_.take();
    job.op = &op;
    job.descriptor = descriptor;
    job.directory = &parts_.directory;
    job.home = parts_.completions.get();
    return job;
}

void FileStorage::run_on_pool(FileOp& op, int descriptor) noexcept {
    run_on(*parts_.pool, op, descriptor);
}

void FileStorage::run_on(WorkerThreads& threads, FileOp& op, int descriptor) noexcept {
    threads.push(job_for(op, descriptor));
}

void FileStorage::completed(FileOp& op, std::int64_t result) noexcept {
    op.result = result;
    if (result >= 0) note_size(op);
    completed_.push_back(op);
}

// Another shard's storage may extend the same file unseen: then the size known here is too small,
// and a write goes the slower way, never the wrong one.
void FileStorage::note_size(const FileOp& op) noexcept {
    auto* const file = files_.find(op.file);
    if (file == nullptr) return;
    if (op.kind == FileOpKind::write) {
        file->size = std::max(file->size, op.position + static_cast<std::uint64_t>(op.result));
    } else if (op.kind == FileOpKind::allocate) {
        file->size = std::max(file->size, op.position + op.length);
    } else if (op.kind == FileOpKind::truncate) {
        file->size = op.length;
    }
}

void FileStorage::job_returned(FileJob& job) noexcept {
    auto& op = *job.op;
    const auto outcome = job.outcome;
    jobs_.give_back(job);
    if (op.kind == FileOpKind::close) files_.remove(op.file);
    if (op.kind != FileOpKind::open || outcome.result < 0) return completed(op, outcome.result);
    const auto handle = files_.add({.descriptor = static_cast<int>(outcome.result),
                                    .direct = op.direct,
                                    .size = outcome.file_size});
    file_opened(handle, *files_.find(handle));
    op.result = static_cast<std::int64_t>(handle);
    completed_.push_back(op);
}

void FileStorage::collect() noexcept {
    parts_.completions->clear_wake();
    reap();
    auto jobs = parts_.completions->take_all();
    while (auto* const job = jobs.pop_front())
        job_returned(*job);
}

std::size_t FileStorage::run_completions() noexcept {
    collect();
    auto ready = std::exchange(completed_, {});
    std::size_t ran = 0;
    while (auto* const op = ready.pop_front()) {
        op->backend = 0;
        --in_flight_;
        ++ran;
        op->done(*op);
    }
    return ran;
}

void FileStorage::drain() noexcept {
    for (;;) {
        flush_submissions();
        collect();
        auto ready = std::exchange(completed_, {});
        while (auto* const op = ready.pop_front()) {
            op->backend = 0;
            --in_flight_;
        }
        if (in_flight_ == 0) return;
        pollfd entry{.fd = wake_descriptor(), .events = POLLIN, .revents = 0};
        ::poll(&entry, 1, -1);
    }
}

}  // namespace millrace::engine
