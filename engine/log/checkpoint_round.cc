// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/checkpoint_round.h"

#include "engine/base/planted_bugs.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

namespace {

// Beyond it one sync of the file system is less work.
constexpr std::size_t kFilesMax = 512;

}  // namespace

SyncWorker::SyncWorker(LogContext& context, OpenFiles& files, CheckpointRound& round)
        : FileSteps(context), files_(files), round_(round) {
    waiter_.owner = this;
    waiter_.ready = [](FileWaiter& waiter, Result<OpenFile*> file) noexcept {
        static_cast<SyncWorker*>(waiter.owner)->file_ready(file);
    };
}

void SyncWorker::next() noexcept {
    for (;;) {
        log_ = context_.failed ? nullptr : round_.next_log();
        if (log_ == nullptr) return round_.worker_ended();
        ++log_->jobs;
        sync_folder_ = std::exchange(log_->unsynced.folder, false);
        auto* segment = log_->segments.storing();
        if (!std::exchange(log_->unsynced.file, false) || segment == nullptr ||
            !segment->has_file) {
            if (sync_folder_) return folder();
            log_over();
            continue;
        }
        const auto path = segment_path(log_->directory, segment->base, kLogSuffix);
        auto* file = files_.acquire(*segment, path, false, waiter_);
        if (file != nullptr) file_ready(file);
        return;
    }
}

void SyncWorker::file_ready(Result<OpenFile*> file) noexcept {
    if (!file) {
        if (!context_.failed) context_.fail(file.error(), "open of a segment for its sync");
        return stop(*context_.failed);
    }
    file_ = *file;
    file_call(FileOpKind::sync_data, file_->handle(), &SyncWorker::file_synced);
}

void SyncWorker::file_synced() noexcept {
    if (ended_by_failure("sync of a segment")) return;
    files_.release(*std::exchange(file_, nullptr));
    if (sync_folder_) return folder();
    log_over();
    next();
}

void SyncWorker::folder() noexcept {
    if (bug_planted(PlantedBug::skip_directory_sync)) return folder_synced();
    path_call(FileOpKind::sync_directory,
              partition_path(log_->directory),
              &SyncWorker::folder_synced);
}

void SyncWorker::folder_synced() noexcept {
    // A removed log's folder may be on its way to trash/ already.
    if (!log_->removed && ended_by_failure("sync of a partition's folder")) return;
    log_over();
    next();
}

void SyncWorker::log_over() noexcept {
    --log_->jobs;
    log_ = nullptr;
}

void SyncWorker::stop(Error /*error*/) noexcept {
    if (auto* file = std::exchange(file_, nullptr); file != nullptr) files_.release(*file);
    log_over();
    round_.worker_ended();
}

CheckpointRound::CheckpointRound(LogContext& context,
                                 LogTable& logs,
                                 OpenFiles& files,
                                 UnsyncedLogs& unsynced,
                                 ReleaseCounts& releases)
        : FileSteps(context), logs_(logs), unsynced_(unsynced), releases_(releases) {
    for (auto& worker : workers_)
        worker = std::make_unique<SyncWorker>(context, files, *this);
    begin_.owner = this;
    begin_.run = [](Deferred& deferred) noexcept {
        static_cast<CheckpointRound*>(deferred.owner)->begin();
    };
}

void CheckpointRound::prepare(PrepareOp& op) {
    ASSERT(!running_);
    ASSERT(op_ == nullptr);
    running_ = true;
    op_ = &op;
    op.rows.clear();
    op.releases.clear();
    if (!context_.failed) take_rows();
    context_.defer(begin_);
}

void CheckpointRound::take_rows() {
    logs_.for_each([this](LogImpl& log) {
        auto& state = log.state();
        state.prepared = state.tail.stored();
        PartitionRow row;
        row.key = state.key;
        row.log_start = state.log_start_logged;
        row.flushed_offset = state.stored_end;
        row.producer_snapshot = state.producers.row(state.stored_end);
        state.producers.prepared = row.producer_snapshot;
        state.segments.append_rows(row.segments);
        // All segments may be gone, and the log goes on where it was.
        if (row.segments.empty() && row.flushed_offset == Offset(0)) return;
        const auto epochs = state.epochs.up_to(state.stored_end);
        row.epochs.assign(epochs.begin(), epochs.end());
        op_->rows.push_back(std::move(row));
    });
    // Runs that end from here on belong to the next round.
    syncing_ = std::exchange(unsynced_, {});
    sync_parents_ = false;
}

void CheckpointRound::begin() noexcept {
    if (context_.failed) return finish(std::unexpected(*context_.failed));
    if (syncing_.count() <= kFilesMax) return sync_each();
    while (auto* log = syncing_.take()) {
        ++log->jobs;
        log->unsynced.file = log->unsynced.folder = log->unsynced.parent = false;
        covered_.push_back(log);
    }
    file_call(FileOpKind::sync_filesystem, FileHandle::none, &CheckpointRound::filesystem_synced);
}

void CheckpointRound::filesystem_synced() noexcept {
    // It reports strangers' errors too: only one of our own files is final.
    const bool failed = result() < 0;
    for (auto* log : std::exchange(covered_, {})) {
        --log->jobs;
        if (!failed || log->removed) continue;
        log->unsynced.file = log->unsynced.folder = log->unsynced.parent = true;
        unsynced_.forget(*log);
        syncing_.add(*log);
    }
    if (!failed) return finish({});
    sync_each();
}

void CheckpointRound::sync_each() noexcept {
    working_ = kWorkers;
    for (auto& worker : workers_)
        worker->next();
}

LogState* CheckpointRound::next_log() noexcept {
    auto* log = syncing_.take();
    if (log != nullptr && std::exchange(log->unsynced.parent, false)) sync_parents_ = true;
    return log;
}

void CheckpointRound::worker_ended() noexcept {
    if (--working_ > 0) return;
    if (context_.failed) return finish(std::unexpected(*context_.failed));
    if (!sync_parents_) return finish({});
    path_call(FileOpKind::sync_directory,
              FilePath(kTopicsDirectory),
              &CheckpointRound::parents_synced);
}

void CheckpointRound::parents_synced() noexcept {
    if (ended_by_failure("sync of topics/")) return;
    if (root_synced_) return finish({});
    path_call(FileOpKind::sync_directory, FilePath(), &CheckpointRound::root_synced);
}

// The name of topics/ itself, once.
void CheckpointRound::root_synced() noexcept {
    if (ended_by_failure("sync of the data directory")) return;
    root_synced_ = true;
    finish({});
}

// Counted when the rows are synced, so that entries of logs removed meanwhile are not promised.
void CheckpointRound::take_releases(PrepareOp& op) {
    ReleaseCounts counts;
    logs_.for_each([&counts](LogImpl& log) {
        const auto& state = log.state();
        for (auto number = state.tail.released(); number < state.prepared; ++number) {
            counts.add(*state.tail.at(number).file, 1);
        }
    });
    op.releases = counts.take();
}

void CheckpointRound::finish(Result<void> outcome) noexcept {
    auto& op = *std::exchange(op_, nullptr);
    for (auto* log : std::exchange(covered_, {}))
        --log->jobs;
    if (outcome) take_releases(op);
    op.outcome = outcome;
    op.done(op);
}

void CheckpointRound::durable() noexcept {
    ASSERT(running_ && op_ == nullptr);
    running_ = false;
    logs_.for_each([this](LogImpl& log) {
        auto& state = log.state();
        for (auto number = state.tail.released(); number < state.prepared; ++number) {
            releases_.subtract(*state.tail.at(number).file, 1);
        }
        if (state.prepared > state.tail.released()) {
            state.tail.release_to(state.prepared, context_.wal);
        }
        state.producers.named = std::max(state.producers.named, state.producers.prepared);
    });
    for (auto* file : std::exchange(orphans_, {}))
        context_.wal.entry_released(*file);
}

void CheckpointRound::abandoned() noexcept {
    ASSERT(running_ && op_ == nullptr);
    running_ = false;
    logs_.for_each([](LogImpl& log) { log.state().prepared = 0; });
    for (auto* file : std::exchange(orphans_, {}))
        context_.wal.entry_released(*file);
}

void CheckpointRound::forget(LogState& log) noexcept {
    unsynced_.forget(log);
    syncing_.forget(log);
    auto& tail = log.tail;
    // Releases are promised once they were counted, which is when op_ is null again.
    const bool promised = running_ && op_ == nullptr;
    for (auto number = tail.released(); number < tail.end(); ++number) {
        auto& file = *tail.at(number).file;
        if (number < tail.stored()) releases_.subtract(file, 1);
        if (promised && number < log.prepared) {
            orphans_.push_back(&file);
        } else {
            context_.wal.entry_released(file);
        }
    }
}

}  // namespace millrace::engine
