// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/segment_removals.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::array kSuffixes{kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix, kSnapshotSuffix};

bool is_free(const Segment& segment) noexcept {
    return segment.holds == 0 && segment.index_pins == 0 && !OpenFiles::in_use(segment);
}

}  // namespace

void RemovalWorker::start(std::vector<RemovedSegment>&& segments) noexcept {
    segments_ = std::move(segments);
    segment_ = suffix_ = 0;
    next_file();
}

void RemovalWorker::next_file() noexcept {
    // The folder of a removed log goes as a whole.
    if (log().removed) return finish();
    if (segment_ == segments_.size()) {
        return path_call(FileOpKind::sync_directory,
                         partition_path(log().directory),
                         &RemovalWorker::folder_synced);
    }
    const auto& segment = *segments_[segment_].segment;
    const auto suffix = kSuffixes[suffix_];
    if (suffix == kSnapshotSuffix && log().producers.keeps_snapshot(segment.base)) {
        return next_suffix();
    }
    path_call(FileOpKind::unlink,
              segment_path(log().directory, segment.base, suffix),
              &RemovalWorker::unlinked);
}

void RemovalWorker::next_suffix() noexcept {
    if (++suffix_ == kSuffixes.size()) {
        suffix_ = 0;
        ++segment_;
    }
    next_file();
}

void RemovalWorker::unlinked() noexcept {
    const auto& segment = *segments_[segment_].segment;
    if (result() < 0 && result() != -ENOENT) {
        context_.events.event(Level::warning,
                              "segment.not_removed",
                              "a file of a deleted segment cannot be removed",
                              {{"folder", log().directory},
                               {"base", std::to_string(segment.base.value)},
                               {"errno", std::to_string(-result())}});
    } else if (result() >= 0 && suffix_ == 0) {
        ++context_.counters.segments_deleted;
        context_.counters.segment_bytes_deleted += segment.bytes;
    }
    next_suffix();
}

void RemovalWorker::folder_synced() noexcept {
    // An earlier run may have ended before it made the folder's name durable.
    if (result() != -ENOENT && ended_by_failure("sync of a partition's folder")) return;
    finish();
}

void RemovalWorker::finish() noexcept {
    for (auto& removed : std::exchange(segments_, {}))
        removals_.forget(removed);
}

SegmentRemovals::SegmentRemovals(LogContext& context,
                                 OpenFiles& files,
                                 IndexCache& indexes,
                                 LastBlocks& last_blocks)
        : context_(context), files_(files), indexes_(indexes), last_blocks_(last_blocks) {
    for (auto& worker : workers_)
        worker = std::make_unique<RemovalWorker>(context, *this);
}

SegmentRemovals::~SegmentRemovals() = default;

bool SegmentRemovals::may_go(LogState& log) noexcept {
    if (log.segments.empty()) return false;
    const auto& segment = log.segments.at(0);
    if (segment.swapping) return false;  // Its files do not have their names yet.
    const bool stored = segment.bytes > 0 && segment.bytes == segment.planned_bytes;
    if (!stored || segment.planned_end > log.log_start) return false;
    return segment.sealed || (log.segments.whole(segment) && !log.flush.running);
}

void SegmentRemovals::look(LogState& log) noexcept {
    while (!log.removed && may_go(log)) {
        auto segment = log.segments.take_first();
        log.size_bytes -= segment->planned_bytes;
        if (!segment->sealed) {
            static_cast<void>(last_blocks_.take(log));
            log.last_block.crc_known = false;
        }
        ++log.jobs;
        removed_.push_back({&log, std::move(segment)});
        news_ = true;
    }
}

std::vector<RemovedSegment> SegmentRemovals::take_free() {
    std::vector<RemovedSegment> taken;
    const auto first = std::ranges::find_if(
            removed_, [](const auto& removed) { return is_free(*removed.segment); });
    if (first == removed_.end()) return taken;
    auto* log = first->log;
    for (auto& removed : removed_) {
        if (removed.log == log && is_free(*removed.segment)) taken.push_back(std::move(removed));
    }
    std::erase_if(removed_, [](const auto& removed) { return removed.segment == nullptr; });
    for (auto& removed : taken) {
        files_.let_go(*removed.segment);
        indexes_.drop(*removed.segment);
    }
    return taken;
}

void SegmentRemovals::end_turn() noexcept {
    news_ = false;
    if (context_.failed) return give_up();
    if (removed_.empty()) return;
    for (auto& worker : workers_) {
        if (!worker->idle()) continue;
        auto segments = take_free();
        if (segments.empty()) return;
        worker->start(std::move(segments));
    }
}

// Their files stay, and nothing refers to the logs any more.
void SegmentRemovals::give_up() noexcept {
    for (auto given_up = take_free(); !given_up.empty(); given_up = take_free()) {
        for (auto& removed : given_up)
            forget(removed);
    }
}

bool SegmentRemovals::wants_turn() const noexcept {
    return news_ && !removed_.empty();
}

void SegmentRemovals::forget(RemovedSegment& removed) noexcept {
    --removed.log->jobs;
    news_ = true;
}

}  // namespace millrace::engine
