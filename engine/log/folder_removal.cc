// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/folder_removal.h"

#include <cerrno>
#include <chrono>
#include <utility>

namespace millrace::engine {

namespace {

constexpr MonotonicTime kRetry = std::chrono::seconds(1);

}  // namespace

FolderRemoval::FolderRemoval(LogContext& context, Trash& trash, LogState& log, EngineOp& op)
        : FileSteps(context),
          trash_(trash),
          log_(&log),
          key_(log.key),
          directory_(log.directory),
          op_(&op) {
    ++log.jobs;
}

void FolderRemoval::end_turn() noexcept {
    if (ended() || begun_) return;
    if (log_ != nullptr) {
        if (log_->jobs > 1) return;
        --std::exchange(log_, nullptr)->jobs;
        begin_at_ = MonotonicTime::min();
    }
    if (context_.failed) return stop(*context_.failed);
    if (context_.clock.monotonic_now() < begin_at_) return;
    begin_at_ = MonotonicTime::max();
    begun_ = true;
    path_call(FileOpKind::make_directory, FilePath(kTrashDirectory), &FolderRemoval::trash_made);
}

void FolderRemoval::try_later() noexcept {
    begun_ = false;
    begin_at_ = context_.clock.monotonic_now() + kRetry;
}

void FolderRemoval::trash_made() noexcept {
    if (is_full(result())) return try_later();
    if (result() != -EEXIST && ended_by_failure("making trash/")) return;
    move();
}

void FolderRemoval::move() noexcept {
    rename(partition_path(directory_), trash_path(key_, attempt_), &FolderRemoval::moved);
}

void FolderRemoval::moved() noexcept {
    if (is_full(result())) return try_later();
    if (result() == -ENOENT) return finish({});  // It never had a folder.
    if (result() == -EEXIST || result() == -ENOTEMPTY) {
        ++attempt_;
        return move();
    }
    if (ended_by_failure("moving a partition's folder to trash/")) return;
    path_call(
            FileOpKind::sync_directory, FilePath(kTopicsDirectory), &FolderRemoval::topics_synced);
}

void FolderRemoval::topics_synced() noexcept {
    if (ended_by_failure("sync of topics/")) return;
    path_call(FileOpKind::sync_directory, FilePath(kTrashDirectory), &FolderRemoval::trash_synced);
}

void FolderRemoval::trash_synced() noexcept {
    if (ended_by_failure("sync of trash/")) return;
    trash_.empty();
    finish({});
}

void FolderRemoval::finish(Result<void> outcome) noexcept {
    begin_at_ = MonotonicTime::max();
    auto& op = *std::exchange(op_, nullptr);
    op.outcome = outcome;
    op.done(op);
}

}  // namespace millrace::engine
