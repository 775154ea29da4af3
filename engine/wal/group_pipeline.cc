// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/wal/group_pipeline.h"

#include "engine/assert.h"
#include "engine/base/planted_bugs.h"
#include "engine/units.h"
#include "engine/wal/wal_writer.h"

#include <algorithm>
#include <cerrno>
#include <string>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kBytesInFlightMax = 1 * kMiB;
constexpr std::chrono::seconds kSlowAfter{1};
constexpr std::chrono::seconds kFailedAfter{30};
// A process that was stopped for a while has its completions before it: they are run first.
constexpr std::chrono::seconds kLastLookAfter{1};
constexpr std::chrono::seconds kCoverAfter{1};
// Groups that nobody waits for are flushed when they have become many or old.
constexpr std::uint64_t kUnflushedBytesMax = 16 * kMiB;
constexpr std::chrono::seconds kUnflushedAgeMax{1};

}  // namespace

GroupPipeline::GroupPipeline(const WalOptions& options, const Parts& parts, const WalPosition& end)
        : commit_(options.commit),
          groups_in_flight_max_(std::clamp<std::uint32_t>(options.groups_in_flight, 1, 4)),
          directory_(options.directory),
          run_number_(options.run_number),
          run_bits_(options.run_bits),
          parts_(parts),
          flushed_end_(end) {
    flushed_end_.directory = options.directory;
    if (flushed_end_.file_number == 0) flushed_end_.file_number = 1;
    if (flushed_end_.sequence == 0) flushed_end_.sequence = 1;
}

void GroupPipeline::push(Group& group) noexcept {
    if (tail_ == nullptr) {
        head_ = &group;
    } else {
        tail_->next = &group;
    }
    tail_ = &group;
    if (unwritten_ == nullptr) unwritten_ = &group;
    if (waiting_ == nullptr) waiting_ = &group;
    ++parts_.counters.groups;
    parts_.counters.group_bytes += group.size;
    parts_.counters.group_sizes.record(group.size);
    fly();
}

bool GroupPipeline::wants_group() const noexcept {
    return waiting_ == nullptr && in_flight_ < groups_in_flight_max_ &&
           bytes_in_flight_ < kBytesInFlightMax;
}

bool GroupPipeline::may_fly(const Group& group) const noexcept {
    if (in_flight_ == 0) return true;
    return in_flight_ < groups_in_flight_max_ && bytes_in_flight_ + group.size <= kBytesInFlightMax;
}

void GroupPipeline::fly() noexcept {
    while (!stopped_ && waiting_ != nullptr && may_fly(*waiting_)) {
        Group& group = *waiting_;
        waiting_ = group.next;
        submit(group);
    }
}

void GroupPipeline::submit(Group& group) noexcept {
    group.submitted = true;
    group.submitted_at = parts_.clock.monotonic_now();
    ++in_flight_;
    bytes_in_flight_ += group.size;
    ++operations_;
    ++parts_.counters.wal_writes;
    FileOp& op = group.write;
    op.kind = FileOpKind::write;
    op.lane = Lane::wal;
    op.sync = group.synced ? commit_ : WriteSync::none;
    group.flushes_to = op.sync == WriteSync::file ? written_before(group) : 0;
    if (bug_planted(PlantedBug::skip_flush)) op.sync = WriteSync::none;
    op.file = group.file->handle;
    op.buffer = group.data;
    op.position = group.position;
    op.length = group.size;
    op.owner = this;
    op.done = &GroupPipeline::write_completed;
    parts_.storage.submit(op);
}

// The last of the groups that are written already, from the oldest on, and lie in its file.
Sequence GroupPipeline::written_before(const Group& group) const noexcept {
    const bool all = bug_planted(PlantedBug::flush_covers_later);
    Sequence last = 0;
    const Group* each = head_;
    for (; each != &group && each->file == group.file && (each->written || all); each = each->next)
        last = each->sequence;
    return last;
}

void GroupPipeline::write_completed(FileOp& op) noexcept {
    auto& self = *static_cast<GroupPipeline*>(op.owner);
    --self.operations_;
    if (self.stopped_) return;
    if (op.result < 0) {
        self.fail({Errc::io_failed, static_cast<int>(-op.result)}, "write of a commit group");
        return;
    }
    if (static_cast<std::uint64_t>(op.result) != op.length &&
        !bug_planted(PlantedBug::ignore_short_write)) {
        self.fail({Errc::io_failed, EIO}, "short write of a commit group");
        return;
    }
    Group* group = self.unwritten_;
    while (&group->write != &op)
        group = group->next;  // At most four are being written.
    group->written = true;
    group->written_at = self.parts_.clock.monotonic_now();
    group->durable = group->synced;
    if (group->durable && bug_planted(PlantedBug::ack_before_mark)) {
        for (const auto& entry : group->kept) {
            if (entry.sink == nullptr) continue;
            entry.sink->entry_written(entry.end);
            entry.sink->entry_flushed(entry.end);
        }
    }
    if (group->durable && bug_planted(PlantedBug::synced_over_plain)) {
        for (Group* plain = self.head_; plain != group; plain = plain->next)
            plain->durable = plain->written;
    }
    if (group->synced) ++self.synced_written_;
    if (!group->durable) self.plain_written_bytes_ += group->size;
    if (!group->synced) self.landed(*group);
    self.flushed_to(group->flushes_to);
    self.move_on();
}

// All of them are written.
void GroupPipeline::flushed_to(Sequence sequence) noexcept {
    for (Group* group = head_; group != nullptr && group->sequence <= sequence;
         group = group->next) {
        if (!group->durable) plain_written_bytes_ -= group->size;
        group->durable = true;
    }
}

void GroupPipeline::landed(const Group& group) noexcept {
    --in_flight_;
    bytes_in_flight_ -= group.size;
}

void GroupPipeline::move_on() noexcept {
    deliver();
    maybe_flush();
    fly();
    if (!stopped_) parts_.listener.pipeline_moved();
}

// A sink may append, forget itself or others, or fail the whole WAL.
void GroupPipeline::deliver() noexcept {
    if (delivering_) return;
    delivering_ = true;
    deliver_written();
    deliver_flushed();
    delivering_ = false;
}

void GroupPipeline::deliver_written() noexcept {
    while (!stopped_ && unwritten_ != nullptr && unwritten_->written) {
        Group& group = *unwritten_;
        unwritten_ = group.next;
        for (std::size_t i = 0; i < group.kept.size() && !stopped_; ++i) {
            const KeptEntry entry = group.kept[i];
            if (entry.sink != nullptr) entry.sink->entry_written(entry.end);
        }
    }
}

void GroupPipeline::deliver_flushed() noexcept {
    while (!stopped_ && head_ != nullptr && head_ != unwritten_ && head_->durable) {
        Group& group = *head_;
        flushed_end_.slot = group.file->slot;
        flushed_end_.file_number = group.file->use->file_number;
        flushed_end_.block =
                static_cast<std::uint32_t>((group.position + group.size) / kBlockBytes);
        flushed_end_.sequence = group.sequence + 1;
        flushed_end_.chain = group.crc;
        flushed_end_.run_number = run_number_;
        flushed_end_.run_bits = run_bits_;
        if (group.counts) counted_sequence_ = group.sequence;
        covered_sequence_ = std::max(covered_sequence_, group.flushed_sequence);
        last_flushed_at_ = parts_.clock.monotonic_now();
        parts_.counters.flush_times.record(last_flushed_at_ - group.submitted_at);
        if (group.synced) {
            --synced_written_;
            landed(group);
        }
        for (std::size_t i = 0; i < group.kept.size() && !stopped_; ++i) {
            const KeptEntry entry = group.kept[i];
            if (entry.sink != nullptr) entry.sink->entry_flushed(entry.end);
        }
        if (stopped_) return;
        head_ = group.next;
        if (head_ == nullptr) tail_ = nullptr;
        parts_.listener.group_done(group);
    }
}

bool GroupPipeline::flush_wanted() const noexcept {
    return flush_all_ || synced_written_ > 0 || plain_written_bytes_ >= kUnflushedBytesMax ||
           parts_.clock.monotonic_now() - head_->written_at >= kUnflushedAgeMax;
}

void GroupPipeline::maybe_flush() noexcept {
    if (stopped_ || flush_in_flight_) return;
    if (head_ == nullptr || !head_->written || head_->durable || !flush_wanted()) return;
    for (const Group* group = head_;
         group != nullptr && group->written && group->file == head_->file;
         group = group->next) {
        flush_until_ = group->sequence;
    }
    flush_in_flight_ = true;
    flush_began_ = parts_.clock.monotonic_now();
    ++operations_;
    ++parts_.counters.wal_flushes;
    flush_.kind =
            bug_planted(PlantedBug::skip_flush) ? FileOpKind::free_space : FileOpKind::sync_data;
    flush_.lane = Lane::wal;
    flush_.file = head_->file->handle;
    flush_.owner = this;
    flush_.done = &GroupPipeline::flush_completed;
    parts_.storage.submit(flush_);
}

void GroupPipeline::flush_completed(FileOp& op) noexcept {
    auto& self = *static_cast<GroupPipeline*>(op.owner);
    --self.operations_;
    self.flush_in_flight_ = false;
    if (self.stopped_) return;
    if (op.result < 0) {
        self.fail({Errc::io_failed, static_cast<int>(-op.result)}, "flush of commit groups");
        return;
    }
    self.flushed_to(self.flush_until_);
    self.move_on();
}

void GroupPipeline::flush_all() noexcept {
    flush_all_ = true;
    maybe_flush();
}

void GroupPipeline::forget(WalSink& sink) noexcept {
    for (Group* group = head_; group != nullptr; group = group->next) {
        for (auto& entry : group->kept) {
            if (entry.sink == &sink) entry.sink = nullptr;
        }
    }
}

bool GroupPipeline::waits_for_device(const Group& group) noexcept {
    return group.submitted && (!group.written || (group.synced && !group.durable));
}

// True when the device has had the group for too long.
bool GroupPipeline::overdue(Group* group) noexcept {
    if (group == nullptr || !waits_for_device(*group)) return false;
    const MonotonicTime age = parts_.clock.monotonic_now() - group->submitted_at;
    if (age >= kSlowAfter && !group->warned) {
        group->warned = true;
        parts_.events.event(Level::warning,
                            "wal.slow_group",
                            "a commit group has been in flight for a second",
                            {{"directory", std::to_string(directory_)},
                             {"sequence", std::to_string(group->sequence)}});
    }
    return age >= kFailedAfter;
}

void GroupPipeline::end_turn() noexcept {
    if (stopped_) return;
    const auto now = parts_.clock.monotonic_now();
    const bool group_overdue = overdue(head_) || (unwritten_ != head_ && overdue(unwritten_));
    const bool flush_overdue = flush_in_flight_ && now - flush_began_ >= kFailedAfter;
    if (!group_overdue && !flush_overdue) {
        overdue_since_ = MonotonicTime::max();
    } else if (overdue_since_ == MonotonicTime::max()) {
        overdue_since_ = now;
    } else if (now - overdue_since_ >= kLastLookAfter) {
        return fail({Errc::io_failed, ETIMEDOUT},
                    group_overdue ? "a commit group in flight for 30 s"
                                  : "a flush of commit groups in flight for 30 s");
    }
    maybe_flush();
}

MonotonicTime GroupPipeline::cover_deadline() const noexcept {
    if (stopped_ || head_ != nullptr || counted_sequence_ <= covered_sequence_) {
        return MonotonicTime::max();
    }
    return last_flushed_at_ + kCoverAfter;
}

MonotonicTime GroupPipeline::next_deadline() const noexcept {
    if (stopped_) return MonotonicTime::max();
    if (overdue_since_ != MonotonicTime::max()) return overdue_since_ + kLastLookAfter;
    MonotonicTime next = MonotonicTime::max();
    for (const Group* group : {head_, unwritten_}) {
        if (group == nullptr || !waits_for_device(*group)) continue;
        next = std::min(next, group->submitted_at + (group->warned ? kFailedAfter : kSlowAfter));
    }
    if (flush_in_flight_) {
        next = std::min<MonotonicTime>(next, flush_began_ + kFailedAfter);
    } else if (head_ != nullptr && head_->written && !head_->durable) {
        next = std::min<MonotonicTime>(next, head_->written_at + kUnflushedAgeMax);
    }
    return next;
}

void GroupPipeline::fail(Error error, std::string_view what) noexcept {
    stopped_ = true;
    parts_.listener.pipeline_failed(error, what);
}

}  // namespace millrace::engine
