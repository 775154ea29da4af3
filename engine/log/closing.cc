// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/closing.h"

#include <utility>

namespace millrace::engine {

namespace {

// Beyond it one sync of the file system is less work.
constexpr std::size_t kSyncedLogsMax = 128;

}  // namespace

void ClosingWorker::next() noexcept {
    log_ = closing_.next_log();
    if (log_ == nullptr) return closing_.worker_ended();
    ++log_->jobs;
    if (!ActiveCut::due(*log_)) return active_cut({});
    active_cut_.start(*log_, closing_.sync_each_, completion_of<&ClosingWorker::active_cut>(*this));
}

void ClosingWorker::active_cut(Result<void> outcome) noexcept {
    // What this run has not touched is as it was found.
    if (!outcome || !log_->has_new_files) return log_over(outcome);
    auto* segment = log_->segments.storing();
    const bool unsaved = segment != nullptr && segment->bytes > 0 && index_is_complete(*segment) &&
                         (closing_.sync_each_always_ ||
                          segment->index->offsets().size() > segment->index->saved.offsets);
    if (!unsaved) return index_saved({});
    index_files_.save(*log_,
                      *segment,
                      closing_.sync_each_,
                      completion_of<&ClosingWorker::index_saved>(*this));
}

void ClosingWorker::index_saved(Result<void> outcome) noexcept {
    if (!outcome) return log_over(outcome);
    epoch_file_.save(
            *log_, closing_.sync_each_, completion_of<&ClosingWorker::epochs_saved>(*this));
}

void ClosingWorker::epochs_saved(Result<void> outcome) noexcept {
    if (!outcome || !ProducerFiles::due(*log_, SnapshotMoment::boundary)) {
        return producers_saved(outcome);
    }
    producer_files_.save(
            *log_, closing_.sync_each_, completion_of<&ClosingWorker::producers_saved>(*this));
}

void ClosingWorker::producers_saved(Result<void> outcome) noexcept {
    if (!outcome || !closing_.sync_each_) return log_over(outcome);
    path_call(FileOpKind::sync_directory,
              partition_path(log_->directory),
              &ClosingWorker::folder_synced);
}

void ClosingWorker::folder_synced() noexcept {
    if (ended_by_failure("sync of a partition's folder")) return;
    log_over({});
}

void ClosingWorker::log_over(Result<void> outcome) noexcept {
    --std::exchange(log_, nullptr)->jobs;
    if (!outcome) closing_.outcome_ = outcome;
    next();
}

Closing::Closing(LogContext& context,
                 LogTable& logs,
                 Flusher& flusher,
                 ProducerLoads& producer_loads)
        : FileSteps(context), logs_(logs), flusher_(flusher) {
    for (auto& worker : workers_)
        worker = std::make_unique<ClosingWorker>(context, *this, producer_loads);
}

void Closing::start(EngineOp& op) noexcept {
    ASSERT(op_ == nullptr);
    op_ = &op;
    outcome_ = {};
    saving_ = false;
    sync_each_always_ = false;
    flusher_.set_urgent(true);
}

void Closing::end_turn() noexcept {
    if (!running() || saving_) return;
    if (context_.failed) return finish(std::unexpected(*context_.failed));
    if (flusher_.storage_full()) return finish(failure(Errc::storage_full));
    if (!flusher_.all_stored()) return;
    save_files();
}

void Closing::save_files() {
    saving_ = true;
    left_.clear();
    logs_.for_each([this](LogImpl& log) {
        auto& state = log.state();
        if (state.has_new_files || ActiveCut::due(state)) left_.push_back(&state);
    });
    sync_each_ = sync_each_always_ || left_.size() <= kSyncedLogsMax;
    working_ = kWorkers;
    for (auto& worker : workers_)
        worker->next();
}

LogState* Closing::next_log() noexcept {
    if (context_.failed && outcome_) outcome_ = std::unexpected(*context_.failed);
    if (!outcome_ || left_.empty()) return nullptr;
    auto* log = left_.back();
    left_.pop_back();
    return log;
}

void Closing::worker_ended() noexcept {
    if (--working_ > 0) return;
    if (!outcome_ || sync_each_) return finish(outcome_);
    file_call(FileOpKind::sync_filesystem, FileHandle::none, &Closing::filesystem_synced);
}

void Closing::filesystem_synced() noexcept {
    // It reports strangers' errors too: only one of our own files is final.
    if (result() >= 0) return finish({});
    sync_each_always_ = true;
    save_files();
}

void Closing::finish(Result<void> outcome) noexcept {
    flusher_.set_urgent(false);
    auto& op = *std::exchange(op_, nullptr);
    op.outcome = outcome;
    op.done(op);
}

}  // namespace millrace::engine
