// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/active_cut.h"

#include "engine/units.h"

#include <cerrno>
#include <utility>

namespace millrace::engine {

bool ActiveCut::due(LogState& log) noexcept {
    const auto* segment = log.segments.storing();
    return segment != nullptr && segment->may_be_longer;
}

void ActiveCut::start(LogState& log, bool sync, Completion done) noexcept {
    segment_ = log.segments.storing();
    sync_ = sync;
    done_ = done;
    open_file(segment_path(log.directory, segment_->base, kLogSuffix), false, &ActiveCut::opened);
}

void ActiveCut::opened() noexcept {
    if (result() == -ENOENT) return finish({});
    if (ended_by_failure("open of an active segment")) return;
    handle_ = static_cast<FileHandle>(result());
    size_call(FileOpKind::truncate, handle_, 0, segment_->bytes, &ActiveCut::cut);
}

// The next run reads the last block as a whole.
void ActiveCut::cut() noexcept {
    if (ended_by_failure("cut of an active segment")) return;
    const auto whole = round_up(segment_->bytes, kBlockBytes);
    size_call(FileOpKind::truncate, handle_, 0, whole, &ActiveCut::filled);
}

void ActiveCut::filled() noexcept {
    if (ended_by_failure("cut of an active segment")) return;
    segment_->file_bytes = round_up(segment_->bytes, kBlockBytes);
    if (!sync_) return synced();
    file_call(FileOpKind::sync_data, handle_, &ActiveCut::synced);
}

void ActiveCut::synced() noexcept {
    if (sync_ && ended_by_failure("sync of an active segment")) return;
    file_call(FileOpKind::close, handle_, &ActiveCut::closed);
}

void ActiveCut::closed() noexcept {
    finish({});
}

void ActiveCut::finish(Result<void> outcome) noexcept {
    segment_ = nullptr;
    std::exchange(done_, {})(outcome);
}

}  // namespace millrace::engine
