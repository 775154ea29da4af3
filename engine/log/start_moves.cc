// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/start_moves.h"

#include "engine/base/planted_bugs.h"
#include "engine/format/log_start_entry.h"
#include "engine/log/flusher.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

StartMove::StartMove(StartMoves& owner) : owner_(owner) {
    finish_.owner = this;
    finish_.run = [](Deferred& deferred) noexcept {
        auto& move = *static_cast<StartMove*>(deferred.owner);
        if (std::exchange(move.ends_with_turn_, false)) move.finish();
    };
}

void StartMove::start(LogState& log, DeleteOp& op, Offset visible_end) noexcept {
    log_ = &log;
    op_ = &op;
    op.outcome = {};
    op.segments = 0;
    op.bytes = 0;
    if (owner_.context_.failed) {
        op.outcome = std::unexpected(*owner_.context_.failed);
    } else if (op.before > visible_end) {
        op.outcome = failure(Errc::offset_out_of_range);
    } else if (op.before > log.log_start) {
        op.outcome = write_entry();
        if (op.outcome) return;
    }
    ends_with_turn_ = true;
    owner_.context_.defer(finish_);
}

// The tail keeps the entry's file until a checkpoint has the new start.
Result<void> StartMove::write_entry() noexcept {
    auto& log = *log_;
    auto& wal = owner_.context_.wal;
    TRY(const auto place, wal.reserve(EntryKind::log_start, log.key, kLogStartEntryBytes, true));
    encode_log_start_entry(op_->before, place.data);
    log.log_start_logged = std::max(log.log_start_logged, op_->before);
    const bool all = op_->before == log.log_end;
    if (all && !log.segments.empty() && log.segments.last().planned_bytes > 0) {
        log.segments.plan(log.log_end);
    }
    wal.keep(place, this, log.log_end, Durability::synced);
    owner_.releases_.set_newest(*place.file);
    log.tail.push({.image = place.image,
                   .data = place.data,
                   .file = place.file,
                   .base = log.log_end,
                   .end = log.log_end,
                   .group = place.group});
    owner_.flusher_.log_grew(log);
    if (bug_planted(PlantedBug::unlink_too_early)) {
        log.log_start = std::max(log.log_start, op_->before);
        owner_.apply(log);
    }
    return {};
}

void StartMove::entry_flushed(Offset /*end*/) noexcept {
    if (op_->before > log_->log_start) {
        count_segments();
        log_->log_start = op_->before;
        owner_.apply(*log_);
    }
    finish();
}

void StartMove::count_segments() noexcept {
    auto& segments = log_->segments;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const auto& segment = segments.at(i);
        const bool goes = segment.planned_bytes > 0 && segment.planned_end <= op_->before;
        if (!goes || segment.planned_end <= log_->log_start) continue;
        ++op_->segments;
        op_->bytes += segment.planned_bytes;
    }
}

void StartMove::give_up(Error error) noexcept {
    owner_.context_.wal.forget(*this);
    ends_with_turn_ = false;
    op_->outcome = std::unexpected(error);
    finish();
}

void StartMove::finish() noexcept {
    auto& op = *std::exchange(op_, nullptr);
    op.log_start = std::exchange(log_, nullptr)->log_start;
    next = std::exchange(owner_.free_, this);
    op.done(op);
}

StartMoves::StartMoves(LogContext& context,
                       Flusher& flusher,
                       ReleaseCounts& releases,
                       SegmentRemovals& removals)
        : context_(context), flusher_(flusher), releases_(releases), removals_(removals) {}

void StartMoves::start(LogState& log, DeleteOp& op, Offset visible_end) {
    if (free_ == nullptr) {
        free_ = moves_.emplace_back(std::make_unique<StartMove>(*this)).get();
    }
    auto& move = *free_;
    free_ = std::exchange(move.next, nullptr);
    move.start(log, op, visible_end);
}

void StartMoves::apply(LogState& log) noexcept {
    log.epochs.cut_before(log.log_start);
    removals_.look(log);
}

void StartMoves::forget(LogState& log, Error error) noexcept {
    for (std::size_t i = 0; i < moves_.size(); ++i) {
        if (moves_[i]->log() == &log) moves_[i]->give_up(error);
    }
}

void StartMoves::fail(Error error) noexcept {
    for (std::size_t i = 0; i < moves_.size(); ++i) {
        if (moves_[i]->log() != nullptr) moves_[i]->give_up(error);
    }
}

}  // namespace millrace::engine
