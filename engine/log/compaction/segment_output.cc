// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/compaction/segment_output.h"

#include "engine/base/payload_copy.h"
#include "engine/base/planted_bugs.h"
#include "engine/format/index_entry.h"
#include "engine/units.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::size_t kPieceBytes = 256 * kKiB;

}  // namespace

FilePath SegmentOutput::path(std::string_view suffix) const noexcept {
    auto made = segment_path(*directory_, base_, suffix);
    made.append(kSwapSuffix);
    return made;
}

void SegmentOutput::open(const std::string& directory, Offset base, Completion done) noexcept {
    ASSERT(!is_open());
    directory_ = &directory;
    base_ = base;
    done_ = done;
    bytes_ = 0;
    path_call(FileOpKind::unlink, path(kLogSuffix), &SegmentOutput::made_free);
}

// The name may be there, and be a second one of a file that is needed.
void SegmentOutput::made_free() noexcept {
    if (result() != -ENOENT && ended_by_failure("removal of a left file of compaction")) return;
    open_file(path(kLogSuffix), true, &SegmentOutput::opened);
}

void SegmentOutput::opened() noexcept {
    if (is_full(result())) return finish(failure(Errc::storage_full));
    // Connections have taken the descriptors.
    if (result() == -EMFILE || result() == -ENFILE) return finish(failure(Errc::no_room));
    if (ended_by_failure("open of a segment for compaction")) return;
    handle_ = static_cast<FileHandle>(result());
    finish({});
}

void SegmentOutput::write(std::vector<std::byte>& pending, bool all, Completion done) noexcept {
    pending_ = &pending;
    taken_ = 0;
    all_ = all;
    done_ = done;
    next_piece();
}

void SegmentOutput::next_piece() noexcept {
    const auto left = pending_->size() - taken_;
    piece_ = std::min(left, kPieceBytes);
    if (piece_ == left && !all_) piece_ = round_down(left, kBlockBytes);
    if (piece_ == 0) {
        pending_->erase(pending_->begin(), pending_->begin() + static_cast<std::ptrdiff_t>(taken_));
        return finish({});
    }
    buffer_ = context_.arena.allocate(round_up(piece_, kBlockBytes));
    if (!buffer_) return finish(failure(Errc::no_room));
    copy_payload(buffer_->data, pending_->data() + taken_, piece_);
    std::memset(buffer_->data + piece_, 0, round_up(piece_, kBlockBytes) - piece_);
    size_call(FileOpKind::allocate,
              handle_,
              bytes_,
              round_up(piece_, kBlockBytes),
              &SegmentOutput::room_made);
}

void SegmentOutput::room_made() noexcept {
    if (is_full(result())) return finish(failure(Errc::storage_full));
    if (ended_by_failure("room for a segment of compaction")) return;
    transfer(FileOpKind::write,
             handle_,
             buffer_->data,
             bytes_,
             round_up(piece_, kBlockBytes),
             &SegmentOutput::piece_written);
}

void SegmentOutput::piece_written() noexcept {
    if (ended_by_short_transfer("write of a segment of compaction")) return;
    bytes_ += piece_;
    taken_ += piece_;
    next_piece();
}

void SegmentOutput::close(const SegmentIndex& index, Completion done) noexcept {
    index_ = &index;
    done_ = done;
    size_call(FileOpKind::truncate, handle_, 0, bytes_, &SegmentOutput::cut);
}

void SegmentOutput::cut() noexcept {
    if (ended_by_failure("cut of a segment of compaction")) return;
    if (bug_planted(PlantedBug::swap_before_sync)) return log_synced();
    file_call(FileOpKind::sync_data, handle_, &SegmentOutput::log_synced);
}

void SegmentOutput::log_synced() noexcept {
    if (ended_by_failure("sync of a segment of compaction")) return;
    file_call(FileOpKind::close,
              std::exchange(handle_, FileHandle::none),
              &SegmentOutput::log_closed);
}

void SegmentOutput::log_closed() noexcept {
    const auto& offsets = index_->offsets();
    auto* to = small_file_.prepare({.path = path(kOffsetIndexSuffix),
                                    .length = offsets.size() * kOffsetEntryBytes,
                                    .sync = true});
    if (to == nullptr) return finish(failure(Errc::no_room));
    encode_offset_entries(offsets, to);
    small_file_.start(completion_of<&SegmentOutput::offsets_saved>(*this));
}

void SegmentOutput::offsets_saved(Result<void> outcome) noexcept {
    if (!outcome) return finish(outcome);
    const auto& times = index_->times();
    auto* to = small_file_.prepare({.path = path(kTimeIndexSuffix),
                                    .length = times.size() * kTimeEntryBytes,
                                    .sync = true});
    if (to == nullptr) return finish(failure(Errc::no_room));
    encode_time_entries(times, to);
    small_file_.start(completion_of<&SegmentOutput::times_saved>(*this));
}

void SegmentOutput::times_saved(Result<void> outcome) noexcept {
    finish(outcome);
}

void SegmentOutput::abandon(Completion done) noexcept {
    done_ = done;
    file_call(
            FileOpKind::close, std::exchange(handle_, FileHandle::none), &SegmentOutput::abandoned);
}

void SegmentOutput::abandoned() noexcept {
    finish({});
}

void SegmentOutput::finish(Result<void> outcome) noexcept {
    buffer_ = {};
    const auto done = std::exchange(done_, {});
    done(outcome);
}

}  // namespace millrace::engine
