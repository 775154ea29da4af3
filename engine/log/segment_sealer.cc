// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/segment_sealer.h"

#include "engine/format/leader_epoch_file.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

void EpochFile::save(const LogState& log, bool sync, Completion done) noexcept {
    const auto text = encode_leader_epochs(log.epochs.up_to(log.stored_end));
    FilePath temporary = partition_file_path(log.directory, kLeaderEpochName);
    temporary.append(kTemporarySuffix);
    auto* to = file_.prepare({.path = temporary,
                              .path_final = partition_file_path(log.directory, kLeaderEpochName),
                              .length = text.size(),
                              .sync = sync});
    if (to == nullptr) return done(failure(Errc::no_room));
    std::ranges::transform(text, to, [](char c) { return static_cast<std::byte>(c); });
    file_.start(done);
}

void SegmentSealer::start(LogState& log,
                          Segment& segment,
                          OpenFile& file,
                          Completion done) noexcept {
    ASSERT(segment.bytes == segment.planned_bytes);
    log_ = &log;
    segment_ = &segment;
    file_ = &file;
    done_ = done;
    if (index_is_complete(segment)) {
        ++segment.index_pins;
        return index_complete({});
    }
    loader_.start(log, segment, true, completion_of<&SegmentSealer::index_complete>(*this));
}

void SegmentSealer::index_complete(Result<void> outcome) noexcept {
    pinned_ = outcome.has_value();
    if (!outcome) return finish(outcome);
    size_call(FileOpKind::truncate, file_->handle(), 0, segment_->bytes, &SegmentSealer::cut);
}

void SegmentSealer::cut() noexcept {
    if (ended_by_failure("cut of a segment")) return;
    segment_->index->add_last_time_entry();
    index_files_.save(*log_, *segment_, true, completion_of<&SegmentSealer::indexes_saved>(*this));
}

void SegmentSealer::indexes_saved(Result<void> outcome) noexcept {
    if (!outcome) return finish(outcome);
    epoch_file_.save(*log_, true, completion_of<&SegmentSealer::epochs_saved>(*this));
}

void SegmentSealer::epochs_saved(Result<void> outcome) noexcept {
    if (!outcome) return finish(outcome);
    file_call(FileOpKind::sync_data, file_->handle(), &SegmentSealer::log_synced);
}

void SegmentSealer::log_synced() noexcept {
    if (ended_by_failure("sync of a segment")) return;
    path_call(FileOpKind::sync_directory,
              partition_path(log_->directory),
              &SegmentSealer::folder_synced);
}

void SegmentSealer::folder_synced() noexcept {
    if (ended_by_failure("sync of a partition's folder")) return;
    segment_->sealed = true;
    segment_->file_bytes = segment_->bytes;
    finish({});
}

void SegmentSealer::finish(Result<void> outcome) noexcept {
    if (std::exchange(pinned_, false)) --segment_->index_pins;
    const auto done = std::exchange(done_, {});
    done(outcome);
}

}  // namespace millrace::engine
