// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/time_lookups.h"

#include "engine/assert.h"
#include "engine/units.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kWindowBytes = 256 * kKiB;
// Bound of what a compressed batch may become when it is opened: some ten milliseconds of a loop.
constexpr std::size_t kOpenedBytesMax = 16 * kMiB;

}  // namespace

TimeLookup::TimeLookup(TimeLookups& owner, const ReadParts& parts)
        : owner_(owner),
          parts_(parts),
          loader_(parts.context, parts.files, parts.gate, parts.indexes),
          reader_(parts.context, parts.files, parts.gate) {
    begin_.owner = this;
    begin_.run = [](Deferred& deferred) noexcept {
        static_cast<TimeLookup*>(deferred.owner)->go_on();
    };
}

void TimeLookup::go_on() noexcept {
    if (op_ == nullptr) return end_job();
    next_segment();
}

void TimeLookup::start(LogState& log, TimeLookupOp& op) noexcept {
    log_ = &log;
    ++log.jobs;
    op_ = &op;
    op.state = this;
    op.outcome = {};
    op.found = false;
    from_ = log.log_start;
    rebuilt_ = false;
    parts_.context.defer(begin_);
}

void TimeLookup::give_up(Error error) noexcept {
    auto& op = *std::exchange(op_, nullptr);
    op.state = nullptr;
    op.outcome = std::unexpected(error);
    op.done(op);
}

// The next segment that can have the record and is not in the tail; or the tail.
void TimeLookup::next_segment() noexcept {
    if (parts_.context.failed) return finish(std::unexpected(*parts_.context.failed));
    const auto& tail = log_->tail;
    const auto stored_end =
            tail.empty() ? log_->stored_end : std::min(log_->stored_end, tail.first_offset());
    from_ = std::max(from_, log_->log_start);
    auto* segment = log_->segments.find(from_);
    while (segment != nullptr && segment->largest_timestamp < op_->timestamp) {
        from_ = std::max(from_, std::min(segment->planned_end, log_->stored_end));
        segment = log_->segments.after(*segment);
    }
    segment_.reset(segment);
    if (segment == nullptr || segment->bytes == 0 || from_ >= stored_end) return search_tail();
    if (from_ >= op_->limit) return finish({});
    if (!index_is_complete(*segment_)) {
        return loader_.start(
                *log_, *segment_, true, completion_of<&TimeLookup::index_ready>(*this));
    }
    parts_.indexes.use(*segment_);
    ++segment_->index_pins;
    index_ready({});
}

void TimeLookup::index_ready(Result<void> outcome) noexcept {
    if (outcome) --segment_->index_pins;
    if (op_ == nullptr) return end_job();
    if (segment_is_gone()) return go_on_behind_log_start();
    if (!outcome) return finish(outcome);
    const auto& index = *segment_->index;
    SegmentWalk::From from{.expected = segment_->base,
                           .end = std::min(segment_->planned_end, log_->stored_end),
                           .bytes_end = segment_->bytes,
                           .window_bytes = kWindowBytes,
                           .has_holes = segment_->has_holes};
    entry_ = index.at_or_below_time(op_->timestamp);
    if (entry_) {
        if (const auto place = index.at_or_below(entry_->relative_offset)) {
            from.position = place->position;
            from.last = segment_->base + place->relative_offset;
        }
    }
    walk_.begin(from);
    walk_on();
}

// The log start has passed it: nothing of it may be found any more.
bool TimeLookup::segment_is_gone() const noexcept {
    return segment_->planned_end <= log_->log_start;
}

void TimeLookup::go_on_behind_log_start() noexcept {
    reader_.drop_buffer();
    rebuilt_ = false;
    next_segment();
}

void TimeLookup::walk_on() noexcept {
    for (;;) {
        switch (walk_.next()) {
            case SegmentWalk::Found::window_end:
                return read_window();
            case SegmentWalk::Found::mismatch:
                return rebuild_index();
            case SegmentWalk::Found::batch: {
                const auto batch = BatchView::trusted(walk_.batch());
                if (time_entry_is_wrong(batch)) return rebuild_index();
                if (batch.base_offset() >= op_->limit) return finish({});
                if (batch.next_offset() <= from_) break;
                if (batch.max_timestamp() >= op_->timestamp && search_batch(batch)) return;
                break;
            }
            case SegmentWalk::Found::end:
                // A later batch than the segment's largest says may be damaged.
                from_ = std::min(segment_->planned_end, log_->stored_end);
                rebuilt_ = false;
                return next_segment();
        }
    }
}

// The entry that was gone by names a batch and its largest timestamp.
bool TimeLookup::time_entry_is_wrong(const BatchView& batch) noexcept {
    if (!entry_ || rebuilt_) return false;
    const auto named = segment_->base + entry_->relative_offset;
    if (batch.last_offset() < named) return false;
    const auto entry = *std::exchange(entry_, std::nullopt);
    return batch.last_offset() != named || batch.max_timestamp() != entry.timestamp;
}

void TimeLookup::rebuild_index() noexcept {
    if (std::exchange(rebuilt_, true)) return finish(failure(Errc::damaged_range));
    loader_.start(*log_, *segment_, false, completion_of<&TimeLookup::index_ready>(*this));
}

void TimeLookup::read_window() noexcept {
    reader_.start(*log_,
                  *segment_,
                  walk_.window_position(),
                  walk_.window_bytes(),
                  completion_of<&TimeLookup::window_read>(*this));
}

void TimeLookup::window_read(Result<void> outcome) noexcept {
    if (op_ == nullptr) return end_job();
    if (segment_is_gone()) return go_on_behind_log_start();
    if (!outcome) return finish(outcome);
    from_ = std::max(from_, log_->log_start);
    walk_.feed(reader_.bytes());
    walk_on();
}

void TimeLookup::search_tail() noexcept {
    const auto& tail = log_->tail;
    for (auto number = tail.begin(); number < tail.end(); ++number) {
        const auto& entry = tail.at(number);
        if (entry.base >= op_->limit) break;
        if (entry.end <= from_ || entry.largest_timestamp < op_->timestamp) continue;
        for (std::uint32_t position = 0; position < entry.size;) {
            const auto batch = BatchView::trusted(entry.data + position);
            position += batch.size();
            if (batch.next_offset() <= from_ || batch.max_timestamp() < op_->timestamp) continue;
            if (search_batch(batch)) return;
        }
    }
    finish({});
}

// True when the look-up has ended with this batch, or waits to open it.
bool TimeLookup::search_batch(const BatchView& batch) noexcept {
    if (batch.codec() != Codec::none && !owner_.may_open(*this)) {
        reader_.drop_buffer();
        return true;
    }
    BatchReader records;
    if (const auto opened = records.open(batch, kOpenedBytesMax); !opened) {
        if (opened.error().code == Errc::batch_too_large) {
            const auto timestamp =
                    batch.has_delete_horizon() ? batch.max_timestamp() : batch.base_timestamp();
            found(batch, std::max(batch.base_offset(), log_->log_start), timestamp);
        } else {
            finish(failure(Errc::damaged_range));
        }
        return true;
    }
    for (;;) {
        const auto item = records.next();
        if (!item) {
            finish(failure(Errc::damaged_range));
            return true;
        }
        // A compressed batch whose header claims too much, or the log start lies behind it.
        if (!*item) {
            from_ = std::max(from_, batch.next_offset());
            return false;
        }
        if ((**item).timestamp < op_->timestamp || (**item).offset < log_->log_start) continue;
        found(batch, (**item).offset, (**item).timestamp);
        return true;
    }
}

void TimeLookup::found(const BatchView& batch, Offset offset, TimestampMs timestamp) noexcept {
    op_->found = offset < op_->limit;
    if (op_->found) {
        op_->offset = offset;
        op_->found_timestamp = timestamp;
        op_->epoch = batch.leader_epoch();
    }
    finish({});
}

void TimeLookup::finish(Result<void> outcome) noexcept {
    auto& op = *std::exchange(op_, nullptr);
    op.state = nullptr;
    op.outcome = outcome;
    end_job();
    op.done(op);
}

void TimeLookup::end_job() noexcept {
    reader_.drop_buffer();
    segment_.reset();
    --log_->jobs;
    log_ = nullptr;
    owner_.ended(*this);
}

void TimeLookups::start(LogState& log, TimeLookupOp& op) {
    if (free_ == nullptr) {
        free_ = lookups_.emplace_back(std::make_unique<TimeLookup>(*this, parts_)).get();
    }
    auto& lookup = *free_;
    free_ = std::exchange(lookup.next, nullptr);
    lookup.start(log, op);
}

void TimeLookups::ended(TimeLookup& lookup) noexcept {
    if (granted_ == &lookup) granted_ = nullptr;
    lookup.next = std::exchange(free_, &lookup);
}

bool TimeLookups::may_open(TimeLookup& lookup) noexcept {
    const bool is_next = granted_ == &lookup || (granted_ == nullptr && first_waiting_ == nullptr);
    if (is_next && !opened_) {
        granted_ = nullptr;
        opened_ = true;
        return true;
    }
    ASSERT(granted_ != &lookup);  // While it is on its way nobody else opens anything.
    lookup.next = nullptr;
    (first_waiting_ == nullptr ? first_waiting_ : last_waiting_->next) = &lookup;
    last_waiting_ = &lookup;
    return false;
}

void TimeLookups::end_turn() noexcept {
    opened_ = false;
    if (!wants_turn()) return;
    granted_ = first_waiting_;
    first_waiting_ = std::exchange(granted_->next, nullptr);
    granted_->go_on();
}

void TimeLookups::forget(LogState& log, Error error) noexcept {
    for (std::size_t i = 0; i < lookups_.size(); ++i) {
        if (lookups_[i]->log() == &log) lookups_[i]->give_up(error);
    }
}

void TimeLookups::fail(Error error) noexcept {
    for (std::size_t i = 0; i < lookups_.size(); ++i) {
        if (lookups_[i]->log() != nullptr) lookups_[i]->give_up(error);
    }
    while (first_waiting_ != nullptr) {
        auto& lookup = *first_waiting_;
        first_waiting_ = std::exchange(lookup.next, nullptr);
        lookup.go_on();
    }
}

}  // namespace millrace::engine
