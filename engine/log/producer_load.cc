// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/producer_load.h"

#include "engine/base/planted_bugs.h"
#include "engine/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kWindowBytes = 1 * kMiB;

}  // namespace

ProducerLoad::ProducerLoad(const ReadParts& parts)
        : FileSteps(parts.context),
          parts_(parts),
          loader_(parts.context, parts.files, parts.gate, parts.indexes),
          reader_(parts.context, parts.files, parts.gate) {
    begin_.owner = this;
    begin_.run = [](Deferred& deferred) noexcept {
        static_cast<ProducerLoad*>(deferred.owner)->begin();
    };
}

void ProducerLoad::start(LogState& log, Completion done) noexcept {
    ASSERT(idle() && log.producers.table == nullptr);
    log_ = &log;
    ++log.jobs;
    done_ = done;
    said_snapshot_ = said_damage_ = rebuilt_ = false;
    at_ = log.producers.from;
    context_.defer(begin_);
}

void ProducerLoad::begin() noexcept {
    if (context_.failed) return stop(*context_.failed);
    table_ = std::make_unique<ProducerTable>(context_.options.producer_expiration_ms);
    const auto& segments = log_->segments;
    const auto kept = segments.empty() ? log_->stored_end : segments.at(0).base;
    if (at_ < kept) {
        // What producers sent between the snapshot and the first segment has been deleted. Who may
        // have gone on there is better unknown than refused what comes next.
        at_ = kept;
    } else if (log_->producers.has_snapshot) {
        return measure_snapshot();
    }
    next_segment();
}

void ProducerLoad::measure_snapshot() noexcept {
    snapshot_path_ = segment_path(log_->directory, at_, kSnapshotSuffix);
    path_call(FileOpKind::stat, snapshot_path_, &ProducerLoad::snapshot_measured);
}

void ProducerLoad::snapshot_measured() noexcept {
    const bool usable = result() >= 0 && op_.size > 0 && op_.size <= producer_snapshot_bytes_max();
    if (!usable) return take_older_snapshot();
    snapshot_bytes_ = op_.size;
    buffer_ = context_.arena.allocate(round_up(snapshot_bytes_, kBlockBytes));
    if (!buffer_) return finish(failure(Errc::no_room));
    open_file(snapshot_path_, false, &ProducerLoad::snapshot_opened);
}

void ProducerLoad::snapshot_opened() noexcept {
    if (result() < 0) return take_older_snapshot();
    handle_ = static_cast<FileHandle>(result());
    transfer(FileOpKind::read,
             handle_,
             buffer_->data,
             0,
             round_up(snapshot_bytes_, kBlockBytes),
             &ProducerLoad::snapshot_read);
}

void ProducerLoad::snapshot_read() noexcept {
    const auto got = result() < 0 ? 0 : static_cast<std::uint64_t>(result());
    snapshot_bytes_ = std::min(snapshot_bytes_, got);
    file_call(FileOpKind::close, handle_, &ProducerLoad::snapshot_closed);
}

void ProducerLoad::snapshot_closed() noexcept {
    const auto rows = decode_producer_snapshot({buffer_->data, snapshot_bytes_}, at_);
    buffer_ = {};
    if (!rows) return take_older_snapshot();
    table_->restore(*rows, log_->config.log_append_time, context_.guarded_clock.now());
    next_segment();
}

// That of the segment before; from the first segment's beginning on no snapshot is needed.
void ProducerLoad::take_older_snapshot() noexcept {
    buffer_ = {};
    if (!std::exchange(said_snapshot_, true)) {
        report("producers.no_snapshot",
               "A snapshot of a partition's producers is missing or damaged: they are read from "
               "the log.",
               at_);
    }
    auto& segments = log_->segments;
    auto* segment = segments.find(at_ - 1);
    if (segment == nullptr || segment == &segments.at(0)) {
        if (segment != nullptr) at_ = segment->base;
        return next_segment();
    }
    at_ = segment->base;
    measure_snapshot();
}

// The next stretch of segment files; or, when there is none, the tail.
void ProducerLoad::next_segment() noexcept {
    if (log_->removed) return finish(failure(Errc::shutting_down));
    auto* segment = log_->segments.find(at_);
    if (segment == nullptr && !log_->segments.empty()) segment = &log_->segments.at(0);
    segment_.reset(segment);
    if (bug_planted(PlantedBug::snapshot_alone)) at_ = log_->stored_end;
    if (at_ >= log_->stored_end || segment == nullptr || segment->bytes == 0) {
        replay_tail();
        return finish({});
    }
    if (at_ <= segment_->base) return walk(0, std::nullopt);
    if (!index_is_complete(*segment_)) {
        return loader_.start(
                *log_, *segment_, true, completion_of<&ProducerLoad::index_ready>(*this));
    }
    parts_.indexes.use(*segment_);
    ++segment_->index_pins;
    index_ready({});
}

void ProducerLoad::index_ready(Result<void> outcome) noexcept {
    if (outcome) --segment_->index_pins;
    if (log_->removed) return finish(failure(Errc::shutting_down));
    if (!outcome) return finish(outcome);
    const auto place =
            segment_->index->at_or_below(static_cast<std::uint32_t>(at_ - segment_->base));
    if (!place) return walk(0, std::nullopt);
    walk(place->position, segment_->base + place->relative_offset);
}

// From a batch at `position`, which ends with the record `last` if an index says so.
void ProducerLoad::walk(std::uint64_t position, std::optional<Offset> last) noexcept {
    walk_end_ = std::min(segment_->planned_end, log_->stored_end);
    seen_end_ = std::max(at_, segment_->base);
    walk_.begin({.position = position,
                 .expected = segment_->base,
                 .last = last,
                 .end = walk_end_,
                 .bytes_end = segment_->bytes,
                 .window_bytes = kWindowBytes,
                 .has_holes = segment_->has_holes});
    walk_on();
}

void ProducerLoad::walk_on() noexcept {
    for (;;) {
        switch (walk_.next()) {
            case SegmentWalk::Found::window_end:
                return read_window();
            case SegmentWalk::Found::mismatch:
                // The index is wrong. Without it every batch of the segment is looked at.
                if (std::exchange(rebuilt_, true)) return walk(0, std::nullopt);
                return loader_.start(
                        *log_, *segment_, false, completion_of<&ProducerLoad::index_ready>(*this));
            case SegmentWalk::Found::batch: {
                const auto batch = BatchView::trusted(walk_.batch());
                const bool missing = segment_->has_holes ? walk_.damage_before()
                                                         : batch.base_offset() > seen_end_;
                if (missing) report_damage();
                seen_end_ = std::max(seen_end_, batch.next_offset());
                if (batch.base_offset() < at_ || batch.producer_id() < 0) break;
                table_->replay(batch, true, context_.guarded_clock.now());
                break;
            }
            case SegmentWalk::Found::end:
                if (seen_end_ < walk_end_) report_damage();
                at_ = walk_end_;
                rebuilt_ = false;
                return next_segment();
        }
    }
}

void ProducerLoad::read_window() noexcept {
    reader_.start(*log_,
                  *segment_,
                  walk_.window_position(),
                  walk_.window_bytes(),
                  completion_of<&ProducerLoad::window_read>(*this));
}

void ProducerLoad::window_read(Result<void> outcome) noexcept {
    if (log_->removed) return finish(failure(Errc::shutting_down));
    if (outcome) {
        walk_.feed(reader_.bytes());
        return walk_on();
    }
    if (outcome.error().code != Errc::damaged_range) return finish(outcome);
    report_damage();
    at_ = walk_end_;
    next_segment();
}

void ProducerLoad::replay_tail() {
    const auto& tail = log_->tail;
    const auto now = context_.guarded_clock.now();
    auto position = tail.stored_part();
    for (auto number = tail.stored(); number < tail.end(); ++number, position = 0) {
        const auto& entry = tail.at(number);
        while (position < entry.size) {
            const auto batch = BatchView::trusted(entry.data + position);
            position += batch.size();
            if (batch.producer_id() >= 0) table_->replay(batch, false, now);
        }
    }
    log_->producers.table = std::move(table_);
}

void ProducerLoad::report_damage() noexcept {
    if (std::exchange(said_damage_, true)) return;
    report("producers.damaged_range",
           "Batches that cannot be read are missing among what is known of a partition's "
           "producers.",
           seen_end_);
}

void ProducerLoad::report(std::string_view what, std::string_view text, Offset offset) noexcept {
    context_.events.event(
            Level::warning,
            what,
            text,
            {{"folder", log_->directory}, {"offset", fmt::format("{}", offset.value)}});
}

void ProducerLoad::finish(Result<void> outcome) noexcept {
    reader_.drop_buffer();
    segment_.reset();
    buffer_ = {};
    table_.reset();
    --log_->jobs;
    log_ = nullptr;
    const auto done = std::exchange(done_, {});
    done(outcome);
}

}  // namespace millrace::engine
