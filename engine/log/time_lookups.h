// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Look-up of the first record at or above a timestamp: by segment, by time index, then batch by
// batch, at last inside the one batch that has it.
//
// Thread:      the shard's.
// Errors:      damaged_range: the batch that has it cannot be opened. Batches that fail their
//              checks are passed over: nobody can read their records.
// When the log start moves meanwhile, it goes on from there.
// Bounds:      one compressed batch of the shard is opened a turn, to at most 16 MiB; one that
//              would become larger is answered by its first record. Who waits holds no memory.
#pragma once

#include "engine/format/batch_reader.h"
#include "engine/log/cold_reads.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace millrace::engine {

class TimeLookups;

// One look-up; pooled.
class TimeLookup {
public:
    TimeLookup(TimeLookups& owner, const ReadParts& parts);

    void start(LogState& log, TimeLookupOp& op) noexcept;
    void give_up(Error error) noexcept;

    // It may open a batch now: goes on from what it has not looked at.
    void go_on() noexcept;

    [[nodiscard]] LogState* log() const noexcept { return op_ == nullptr ? nullptr : log_; }

    TimeLookup* next = nullptr;  // In the pool, or among those that wait.

private:
    void next_segment() noexcept;
    void index_ready(Result<void> outcome) noexcept;
    void walk_on() noexcept;
    void read_window() noexcept;
    void window_read(Result<void> outcome) noexcept;
    [[nodiscard]] bool time_entry_is_wrong(const BatchView& batch) noexcept;
    void rebuild_index() noexcept;
    void search_tail() noexcept;
    [[nodiscard]] bool search_batch(const BatchView& batch) noexcept;
    void found(const BatchView& batch, Offset offset, TimestampMs timestamp) noexcept;
    void finish(Result<void> outcome) noexcept;
    void end_job() noexcept;
    [[nodiscard]] bool segment_is_gone() const noexcept;
    void go_on_behind_log_start() noexcept;

    TimeLookups& owner_;
    ReadParts parts_;
    IndexLoader loader_;
    WindowReader reader_;
    SegmentWalk walk_;
    Deferred begin_;
    LogState* log_ = nullptr;
    SegmentHold segment_;
    TimeLookupOp* op_ = nullptr;      // Null: nobody waits for it any more.
    Offset from_;                     // Everything below was looked at.
    std::optional<TimeEntry> entry_;  // Not yet seen to be right.
    bool rebuilt_ = false;
};

class TimeLookups {
public:
    explicit TimeLookups(const ReadParts& parts) : parts_(parts) {}

    void start(LogState& log, TimeLookupOp& op);

    // Look-ups in this log end with the error.
    void forget(LogState& log, Error error) noexcept;
    void fail(Error error) noexcept;

    // Lets the next one that waits open its batch. Once per loop turn.
    void end_turn() noexcept;

    // Somebody waits for the next turn.
    [[nodiscard]] bool wants_turn() const noexcept {
        return first_waiting_ != nullptr && granted_ == nullptr;
    }

private:
    friend class TimeLookup;

    // False: it waits, and go_on() is called when it may.
    [[nodiscard]] bool may_open(TimeLookup& lookup) noexcept;
    void ended(TimeLookup& lookup) noexcept;

    ReadParts parts_;
    std::vector<std::unique_ptr<TimeLookup>> lookups_;
    TimeLookup* free_ = nullptr;
    TimeLookup* first_waiting_ = nullptr;
    TimeLookup* last_waiting_ = nullptr;
    TimeLookup* granted_ = nullptr;  // On its way to the batch that it may open.
    bool opened_ = false;            // A batch, in this turn.
};

}  // namespace millrace::engine
