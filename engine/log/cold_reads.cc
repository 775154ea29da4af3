// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/cold_reads.h"

#include "engine/units.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kWindowBytesMin = 256 * kKiB;
constexpr std::uint64_t kWindowBytesMax = 1 * kMiB;

// What one read of the file brings for an answer of `bytes_max`.
std::uint64_t window_bytes_for(std::uint32_t bytes_max) noexcept {
    return std::clamp(round_up(bytes_max, kBlockBytes), kWindowBytesMin, kWindowBytesMax);
}

}  // namespace

ColdRead::ColdRead(ColdReads& owner, const ReadParts& parts)
        : owner_(owner),
          parts_(parts),
          loader_(parts.context, parts.files, parts.gate, parts.indexes),
          reader_(parts.context, parts.files, parts.gate) {
    ahead_waiter_.owner = this;
    ahead_waiter_.ready = [](WindowWaiter& waiter, ReadWindow&& window) noexcept {
        static_cast<ColdRead*>(waiter.owner)->window_ready(std::move(window));
    };
}

ReadStatus ColdRead::start(LogState& log, ReadOp& op) noexcept {
    log_ = &log;
    ++log.jobs;
    op_ = &op;
    op.state = this;
    limit_ = std::min(op.limit, log.log_end);
    rebuilt_ = false;
    starting_ = true;
    locate();
    starting_ = false;
    return op_ == nullptr ? ReadStatus::complete : ReadStatus::pending;
}

void ColdRead::give_up(Error error) noexcept {
    auto& op = *std::exchange(op_, nullptr);
    op.state = nullptr;
    op.outcome = std::unexpected(error);
    op.done(op);
}

void ColdRead::locate() noexcept {
    generation_ = log_->generation;
    taken_ = nullptr;
    taken_bytes_ = 0;
    fits_ = true;
    next_offset_ = op_->from;
    segment_.reset(log_->segments.find(op_->from));
    ASSERT(segment_.get() != nullptr);
    const auto* place = owner_.cursors_.find(*log_, op_->from);
    goes_on_ = place != nullptr && place->segment_base == segment_->base;
    if (goes_on_) return walk_from(*place);
    if (index_is_complete(*segment_)) {
        parts_.indexes.use(*segment_);
        return walk_from_index();
    }
    loader_.start(*log_, *segment_, true, completion_of<&ColdRead::index_ready>(*this));
}

void ColdRead::index_ready(Result<void> outcome) noexcept {
    if (outcome) --segment_->index_pins;
    if (op_ == nullptr) return end_job();
    if (ended_by_log_start()) return;
    if (!outcome) return finish(outcome);
    walk_from_index();
}

bool ColdRead::ended_by_log_start() noexcept {
    if (op_->from >= log_->log_start) return false;
    finish(failure(Errc::offset_out_of_range));
    return true;
}

void ColdRead::walk_from_index() noexcept {
    const auto relative = static_cast<std::uint32_t>(op_->from - segment_->base);
    SegmentWalk::From from{.expected = segment_->base,
                           .end = std::min(segment_->planned_end, log_->stored_end),
                           .bytes_end = segment_->bytes,
                           .window_bytes = window_bytes_for(op_->bytes_max),
                           .has_holes = segment_->has_holes};
    if (const auto entry = segment_->index->at_or_below(relative)) {
        from.position = entry->position;
        from.last = segment_->base + entry->relative_offset;
    }
    walk_.begin(from);
    walk_on();
}

void ColdRead::walk_from(const ReadCursors::Place& place) noexcept {
    walk_.begin({.position = place.position,
                 .expected = place.offset,
                 .end = std::min(segment_->planned_end, log_->stored_end),
                 .bytes_end = segment_->bytes,
                 .window_bytes = window_bytes_for(op_->bytes_max),
                 .has_holes = segment_->has_holes});
    walk_on();
}

void ColdRead::walk_on() noexcept {
    for (;;) {
        switch (walk_.next()) {
            case SegmentWalk::Found::window_end:
                // One window is one answer: its slice lies in one buffer.
                if (taken_bytes_ > 0) return deliver();
                return read_window();
            case SegmentWalk::Found::mismatch:
                // A wrong index file, or a damaged batch: an index made from the log knows.
                if (std::exchange(rebuilt_, true)) return finish(failure(Errc::damaged_range));
                return loader_.start(
                        *log_, *segment_, false, completion_of<&ColdRead::index_ready>(*this));
            case SegmentWalk::Found::batch:
                if (!take(BatchView::trusted(walk_.batch()))) return deliver();
                break;
            case SegmentWalk::Found::end:
                return deliver();
        }
    }
}

// False: the answer ends before this batch.
bool ColdRead::take(const BatchView& batch) noexcept {
    if (batch.next_offset() <= op_->from) return true;
    if (walk_.damage_before() && (taken_bytes_ > 0 || batch.base_offset() > op_->from)) {
        return false;
    }
    const bool may_exceed = taken_bytes_ == 0 && op_->first_may_exceed;
    const bool too_large = taken_bytes_ + batch.size() > op_->bytes_max && !may_exceed;
    if (batch.next_offset() > limit_ || too_large) {
        fits_ = false;
        return false;
    }
    if (taken_bytes_ == 0) taken_ = batch.data();
    taken_bytes_ += batch.size();
    taken_end_ = walk_.position();
    next_offset_ = batch.next_offset();
    return true;
}

void ColdRead::read_window() noexcept {
    if (goes_on_) {
        const auto position = walk_.window_position();
        switch (owner_.ahead_.take(*log_, *segment_, position, ahead_waiter_, window_)) {
            case ReadAhead::Answer::now:
                walk_.feed(window_.bytes);
                return walk_on();
            case ReadAhead::Answer::later:
                return;
            case ReadAhead::Answer::none:
                break;
        }
    }
    reader_.start(*log_,
                  *segment_,
                  walk_.window_position(),
                  walk_.window_bytes(),
                  completion_of<&ColdRead::window_read>(*this));
}

void ColdRead::window_read(Result<void> outcome) noexcept {
    if (op_ == nullptr) return end_job();
    if (ended_by_log_start()) return;
    if (!outcome) return finish(outcome);
    ReadWindow window;
    window.bytes = reader_.bytes();
    window.buffer = reader_.take_buffer();
    window_ready(std::move(window));
}

void ColdRead::window_ready(ReadWindow&& window) noexcept {
    if (op_ == nullptr) return end_job();
    if (ended_by_log_start()) return;
    // What was cut off meanwhile is not an answer.
    if (log_->generation != generation_) return locate();
    if (!window.buffer) {
        // Reading ahead failed; this read finds out why.
        goes_on_ = false;
        return read_window();
    }
    window_ = std::move(window);
    walk_.feed(window_.bytes);
    walk_on();
}

void ColdRead::deliver() noexcept {
    auto& op = *op_;
    // No batch holds the offset that was asked for, although the segment should.
    if (taken_bytes_ == 0) return finish(fits_ ? failure(Errc::damaged_range) : Result<void>{});
    op.slices.push_back({std::move(window_.buffer), taken_, taken_bytes_});
    op.bytes += taken_bytes_;
    op.next_offset = next_offset_;
    const auto& tail = log_->tail;
    if (tail.empty() || next_offset_ < tail.first_offset()) {
        keep_cursor();
    } else if (next_offset_ < limit_ && op.bytes < op.bytes_max) {
        tail.read(next_offset_, limit_, op);
    }
    finish({});
}

void ColdRead::keep_cursor() noexcept {
    const auto bytes = window_bytes_for(op_->bytes_max);
    auto* after = log_->segments.after(*segment_);
    if (after != nullptr && after->base == next_offset_) {
        owner_.cursors_.put(*log_, {next_offset_, next_offset_, 0});
        if (goes_on_) owner_.ahead_.begin(*log_, *after, 0, bytes);
    } else {
        owner_.cursors_.put(*log_, {next_offset_, segment_->base, taken_end_});
        if (goes_on_) owner_.ahead_.begin(*log_, *segment_, taken_end_, bytes);
    }
}

void ColdRead::finish(Result<void> outcome) noexcept {
    auto& op = *std::exchange(op_, nullptr);
    op.state = nullptr;
    op.outcome = outcome;
    ++parts_.context.counters.cold_reads;
    end_job();
    if (!starting_) op.done(op);
}

void ColdRead::end_job() noexcept {
    reader_.drop_buffer();
    window_ = {};
    segment_.reset();
    --log_->jobs;
    log_ = nullptr;
    next = std::exchange(owner_.free_, this);
}

ReadStatus ColdReads::start(LogState& log, ReadOp& op) {
    if (parts_.context.failed) {
        op.outcome = std::unexpected(*parts_.context.failed);
        return ReadStatus::complete;
    }
    if (free_ == nullptr) {
        free_ = reads_.emplace_back(std::make_unique<ColdRead>(*this, parts_)).get();
    }
    auto& read = *free_;
    free_ = std::exchange(read.next, nullptr);
    return read.start(log, op);
}

void ColdReads::forget(LogState& log, Error error) noexcept {
    cursors_.forget(log);
    ahead_.forget(log);
    for (std::size_t i = 0; i < reads_.size(); ++i) {
        if (reads_[i]->log() == &log) reads_[i]->give_up(error);
    }
}

void ColdReads::fail(Error error) noexcept {
    for (std::size_t i = 0; i < reads_.size(); ++i) {
        if (reads_[i]->log() != nullptr) reads_[i]->give_up(error);
    }
}

}  // namespace millrace::engine
