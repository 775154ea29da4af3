// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/compaction/compaction_pass.h"

#include "engine/units.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <limits>
#include <utility>

namespace millrace::engine {

namespace {

// New segments of so many bytes are put in place together.
constexpr std::uint64_t kSwapBytes = 256 * kMiB;
constexpr MonotonicTime kMemoryRetry = std::chrono::milliseconds(10);
constexpr std::array kSuffixes{kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix};

// A moment that lies so far ahead is never.
TimestampMs plus(TimestampMs from, std::int64_t by) noexcept {
    TimestampMs sum = 0;
    return __builtin_add_overflow(from, by, &sum) ? std::numeric_limits<TimestampMs>::max() : sum;
}

}  // namespace

CompactionPass::CompactionPass(const CompactionParts& parts)
        : FileSteps(parts.context),
          parts_(parts),
          reader_(parts.context, parts.files, parts.read_gate),
          output_(parts.context) {
    producers_waiter_.owner = begin_.owner = this;
    producers_waiter_.ready = [](LogWaiter& waiter) noexcept {
        static_cast<CompactionPass*>(waiter.owner)->producers_ready();
    };
    begin_.run = [](Deferred& deferred) noexcept {
        auto& pass = *static_cast<CompactionPass*>(deferred.owner);
        auto& log = *pass.log_;
        const bool unread = log.producers.any && log.producers.table == nullptr;
        if (!unread) return pass.producers_ready();
        pass.parts_.producer_loads.wait(log, pass.producers_waiter_);
    };
}

CompactionPass::~CompactionPass() = default;

void CompactionPass::start(LogState& log,
                           const CompactionRange& range,
                           Times times,
                           Completion done) noexcept {
    ASSERT(idle() && !range.empty());
    log_ = &log;
    ++log.jobs;
    log.compaction().busy = true;
    done_ = done;
    times_ = times;
    dirty_from_ = range.dirty_from;
    map_end_ = range.dirty_end;
    given_up_ = swapping_ = has_more_ = false;
    counts_ = {};
    tombstones_removed_ = unreadable_batches_ = 0;
    made_.clear();
    made_bytes_ = 0;
    remove_.clear();
    hold_segments(range);
    const auto seed = static_cast<std::uint64_t>(context_.options.random_seed) ^
                      static_cast<std::uint64_t>(times.late);
    work_ = std::make_unique<CleaningWork>(parts_.map_bytes, seed);
    phase_ = Phase::mapping;
    source_ = 0;
    while (source_ < held_.size() && held_[source_]->planned_end <= dirty_from_)
        ++source_;
    context_.defer(begin_);
}

void CompactionPass::hold_segments(const CompactionRange& range) {
    held_.clear();
    for (auto index = range.first; index < range.end; ++index) {
        held_.push_back(&log_->segments.at(index));
        ++held_.back()->holds;
    }
}

void CompactionPass::let_go(const std::vector<Segment*>& segments) noexcept {
    for (auto* segment : segments) {
        --segment->holds;
        std::erase(held_, segment);
    }
}

void CompactionPass::producers_ready() noexcept {
    if (ends_early()) return;
    if (source_ == held_.size()) return begin_cleaning();
    begin_source();
}

Segment& CompactionPass::source() const noexcept {
    return phase_ == Phase::mapping ? *held_[source_] : *targets_[target_].sources[source_];
}

void CompactionPass::begin_source() noexcept {
    const auto& segment = source();
    const bool last = phase_ == Phase::cleaning && source_ + 1 == targets_[target_].sources.size();
    work_->begin_source({.base = segment.base,
                         .end = segment.planned_end,
                         .bytes = segment.bytes,
                         .has_holes = segment.has_holes,
                         .is_last = last});
    next_window();
}

void CompactionPass::wait_until(MonotonicTime when,
                                void (CompactionPass::*next)() noexcept) noexcept {
    resume_at_ = when;
    resume_ = next;
}

void CompactionPass::end_turn() noexcept {
    if (resume_ == nullptr) return;
    const bool ends = context_.failed || given_up_ || log_->removed;
    if (!ends && context_.clock.monotonic_now() < resume_at_) return;
    resume_at_ = MonotonicTime::max();
    const auto next = std::exchange(resume_, nullptr);
    (this->*next)();
}

MonotonicTime CompactionPass::next_deadline() const noexcept {
    if (resume_ == nullptr) return MonotonicTime::max();
    return given_up_ || log_->removed ? MonotonicTime::min() : resume_at_;
}

void CompactionPass::next_window() noexcept {
    if (ends_early()) return;
    const auto bytes = std::min(work_->window_bytes(), source().bytes - work_->window_position());
    const auto now = context_.clock.monotonic_now();
    const auto when = parts_.rate.take(bytes, now);
    if (when > now) return wait_until(when, &CompactionPass::read_window);
    read_window();
}

void CompactionPass::read_window() noexcept {
    if (ends_early()) return;
    reader_.start(*log_,
                  source(),
                  work_->window_position(),
                  work_->window_bytes(),
                  completion_of<&CompactionPass::window_read>(*this));
}

void CompactionPass::window_read(Result<void> outcome) noexcept {
    if (ends_early()) return;
    if (!outcome && outcome.error().code == Errc::no_room) {
        const auto now = context_.clock.monotonic_now();
        return wait_until(now + kMemoryRetry, &CompactionPass::read_window);
    }
    if (!outcome) return fail_pass(outcome.error());
    op_.work = [](FileOp& op) noexcept {
        auto& pass = *static_cast<CompactionPass*>(op.owner);
        const auto bytes = pass.reader_.bytes();
        if (pass.phase_ == Phase::mapping) {
            pass.work_->map(bytes, pass.dirty_from_);
        } else {
            pass.work_->clean(bytes);
        }
    };
    file_call(FileOpKind::work, FileHandle::none, &CompactionPass::window_done);
}

void CompactionPass::window_done() noexcept {
    reader_.drop_buffer();
    if (ends_early()) return;
    if (work_->damaged()) return fail_pass({Errc::damaged_range, 0});
    if (phase_ == Phase::cleaning) return write_target();
    if (work_->full_at()) {
        map_end_ = *work_->full_at();
        has_more_ = true;
        return begin_cleaning();
    }
    if (!work_->source_over()) return next_window();
    if (++source_ < held_.size()) return begin_source();
    begin_cleaning();
}

void CompactionPass::begin_cleaning() noexcept {
    KeptProducers producers{.last_batches = {},
                            .all_from = Offset(std::numeric_limits<std::int64_t>::max())};
    if (log_->producers.any) {
        auto* table = parts_.producer_loads.use(*log_);
        if (table == nullptr) return fail_pass({Errc::no_room, 0});
        producers.last_batches = table->last_batches();
        producers.all_from = log_->producers.named;
    }
    work_->begin_cleaning(times_.early,
                          plus(times_.late, log_->config.delete_retention_ms),
                          std::move(producers));
    phase_ = Phase::cleaning;
    choose_targets();
    begin_target();
}

// Every segment that begins below what was mapped, and those before it. Retention may have taken
// some from the front meanwhile.
void CompactionPass::choose_targets() {
    targets_.clear();
    target_ = 0;
    auto& segments = log_->segments;
    while (!held_.empty() && segments.find(held_.front()->base) != held_.front())
        let_go({held_.front()});
    if (held_.empty()) return;
    std::size_t first = 0;
    while (&segments.at(first) != held_.front())
        ++first;
    auto end = first;
    while (end - first < held_.size() && held_[end - first]->base < map_end_)
        ++end;
    for (const auto& group : compaction_groups(*log_, first, end)) {
        auto& sources = targets_.emplace_back().sources;
        for (auto index = group.first; index < group.end; ++index)
            sources.push_back(held_[index - first]);
    }
}

void CompactionPass::begin_target() noexcept {
    if (ends_early()) return;
    if (target_ == targets_.size()) {
        outcome_ = {};
        return remove_next();
    }
    source_ = 0;
    const auto base = source().base;
    work_->begin_target(base, log_->config.index_interval_bytes);
    remove_.push_back(base);
    output_.open(log_->directory, base, completion_of<&CompactionPass::output_opened>(*this));
}

void CompactionPass::output_opened(Result<void> outcome) noexcept {
    if (!outcome) return fail_pass(outcome.error());
    begin_source();
}

void CompactionPass::write_target() noexcept {
    if (ends_early()) return;
    const bool last = work_->source_over() && source_ + 1 == targets_[target_].sources.size();
    output_.write(work_->pending(), last, completion_of<&CompactionPass::target_written>(*this));
}

void CompactionPass::target_written(Result<void> outcome) noexcept {
    if (!outcome) return fail_pass(outcome.error());
    if (ends_early()) return;
    if (!work_->source_over()) return next_window();
    if (++source_ < targets_[target_].sources.size()) return begin_source();
    work_->index().add_last_time_entry();
    // What was written counts, too: the next window waits for it.
    static_cast<void>(parts_.rate.take(output_.bytes(), context_.clock.monotonic_now()));
    output_.close(work_->index(), completion_of<&CompactionPass::target_closed>(*this));
}

void CompactionPass::target_closed(Result<void> outcome) noexcept {
    if (!outcome) return fail_pass(outcome.error());
    const auto& sources = targets_[target_].sources;
    auto made = std::make_unique<Segment>(sources.front()->base);
    made->planned_end = sources.back()->planned_end;
    made->bytes = made->planned_bytes = made->file_bytes = output_.bytes();
    made->index_trusted_bytes = made->bytes;
    made->first_timestamp = sources.front()->first_timestamp;
    made->created = sources.front()->created;
    made->largest_timestamp = work_->largest_timestamp();
    made->largest_timestamp_offset = work_->largest_timestamp_offset();
    made->sealed = made->has_holes = made->has_file = made->swapping = true;
    made->clean = made->planned_end <= map_end_;
    auto index = std::make_unique<SegmentIndex>(std::move(work_->index()));
    index->saved = {index->offsets().size(), index->times().size(), index->covered_bytes()};
    counts_.segments_before += sources.size();
    counts_.segments_after += 1;
    for (const auto* each : sources)
        counts_.bytes_before += each->bytes;
    counts_.bytes_after += made->bytes;
    made_bytes_ += made->bytes;
    made_.push_back({std::move(made), sources, std::move(index)});
    ++target_;
    if (made_bytes_ < kSwapBytes && target_ < targets_.size()) return begin_target();
    path_call(FileOpKind::sync_directory,
              partition_path(log_->directory),
              &CompactionPass::names_synced);
}

void CompactionPass::names_synced() noexcept {
    if (!log_->removed && ended_by_failure("sync of a partition's folder")) return;
    if (ends_early()) return;
    // Retention may have taken some of them meanwhile. What is left of those stays dirty.
    std::erase_if(made_, [this](const Replacement& replacement) {
        if (SegmentSwaps::may_replace(*log_, replacement)) return false;
        map_end_ = std::min(map_end_, replacement.made->base);
        return true;
    });
    for (const auto& replacement : made_)
        std::erase(remove_, replacement.made->base);
    made_bytes_ = 0;
    if (made_.empty()) return swapped({});
    swapping_ = true;
    for (const auto& replacement : made_)
        let_go(replacement.sources);
    parts_.swaps.replace(
            *log_, std::exchange(made_, {}), completion_of<&CompactionPass::swapped>(*this));
}

void CompactionPass::swapped(Result<void> outcome) noexcept {
    swapping_ = false;
    if (!outcome) return fail_pass(outcome.error());
    begin_target();
}

bool CompactionPass::ends_early() noexcept {
    if (context_.failed) {
        finish(std::unexpected(*context_.failed));
    } else if (log_->removed || given_up_) {
        fail_pass({Errc::shutting_down, 0});
    } else {
        return false;
    }
    return true;
}

// What it has written and nobody will name goes.
void CompactionPass::fail_pass(Error error) noexcept {
    outcome_ = std::unexpected(error);
    reader_.drop_buffer();
    if (context_.failed) return finish(std::unexpected(*context_.failed));
    if (output_.is_open()) {
        return output_.abandon(completion_of<&CompactionPass::output_abandoned>(*this));
    }
    remove_next();
}

void CompactionPass::output_abandoned(Result<void> /*outcome*/) noexcept {
    if (context_.failed) return finish(std::unexpected(*context_.failed));
    remove_next();
}

void CompactionPass::remove_next() noexcept {
    // The folder of a removed log goes as a whole.
    if (remove_.empty() || log_->removed) return finish(outcome_);
    auto path = segment_path(log_->directory, remove_.back(), kSuffixes[remove_suffix_]);
    path.append(kSwapSuffix);
    path_call(FileOpKind::unlink, path, &CompactionPass::removed_file);
}

void CompactionPass::removed_file() noexcept {
    if (result() != -ENOENT && ended_by_failure("removal of a file of compaction")) return;
    if (++remove_suffix_ == kSuffixes.size()) {
        remove_suffix_ = 0;
        remove_.pop_back();
    }
    remove_next();
}

void CompactionPass::stop(Error error) noexcept {
    finish(std::unexpected(error));
}

void CompactionPass::finish(Result<void> outcome) noexcept {
    reader_.drop_buffer();
    const auto cleaned = work_->counts();
    counts_.records_before = cleaned.records_before;
    counts_.records_after = cleaned.records_after;
    tombstones_removed_ = cleaned.tombstones_removed;
    unreadable_batches_ = cleaned.unreadable_batches;
    work_.reset();
    let_go(std::exchange(held_, {}));
    targets_.clear();
    made_.clear();
    remove_.clear();
    auto& log = *std::exchange(log_, nullptr);
    log.compaction().busy = false;
    if (outcome) log.compaction().dirty_from = map_end_;
    --log.jobs;
    const auto done = std::exchange(done_, {});
    done(outcome);
}

}  // namespace millrace::engine
