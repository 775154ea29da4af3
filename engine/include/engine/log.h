// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The log of one partition: record batches at ascending offsets.
//
// Lifecycle:   opened and owned by its shard's engine; dies when the partition is removed.
// Thread:      its shard's loop, for calls and completions alike.
// Durability:  accepted (in memory), written (the device has it), flushed (survives power loss).
// Invariant:   log_start <= flushed_end <= written_end <= log_end;
//              visible_end is the one of the last three that the topic's class names.
#pragma once

#include "engine/buffer.h"
#include "engine/result.h"
#include "engine/types.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace millrace::engine {

// Per-partition settings; the names in Kafka's words are in docs/. May change while open.
struct LogConfig {
    Durability durability = Durability::synced;
    std::uint32_t message_bytes_max = 1'048'588;       // max.message.bytes: one batch, with header
    std::uint64_t segment_bytes = 1ULL << 30;          // segment.bytes
    std::int64_t segment_ms = 7LL * 24 * 3600 * 1000;  // segment.ms
    std::uint32_t index_interval_bytes = 64 * 1024;    // index.interval.bytes
    bool log_append_time = false;                      // message.timestamp.type
    bool expires = true;    // cleanup.policy has delete: what retention does not keep goes.
    bool compacts = false;  // cleanup.policy has compact: so do the last four of these settings.
    std::int64_t timestamp_after_max_ms = 3600 * 1000L;  // message.timestamp.after.max.ms
    // message.timestamp.before.max.ms; the largest number: without bound
    std::int64_t timestamp_before_max_ms = std::numeric_limits<std::int64_t>::max();
    std::int64_t retention_ms = -1;                         // retention.ms; -1: for ever
    std::int64_t retention_bytes = -1;                      // retention.bytes; -1: without bound
    std::int64_t delete_retention_ms = 24LL * 3600 * 1000;  // delete.retention.ms
    double dirty_ratio_min = 0.5;                           // min.cleanable.dirty.ratio
    std::int64_t compaction_lag_min_ms = 0;                 // min.compaction.lag.ms
    std::int64_t compaction_lag_max_ms = INT64_MAX;         // max.compaction.lag.ms

    bool operator==(const LogConfig&) const = default;
};

// Which record's timestamp is not taken.
struct TimestampFault {
    std::int64_t record = 0;  // Of all that were to be appended, from 0 on.
    TimestampMs timestamp = -1;
    TimestampMs bound = -1;   // The one it lies beyond; -1: it is below -1.
    bool compressed = false;  // Then some record of the batch that begins with that one.

    bool operator==(const TimestampFault&) const = default;
};

struct AppendOp {
    // In. `batches` is one or more whole record batches; borrowed only while append() runs.
    Bytes batches;
    Durability durability =
            Durability::synced;    // The ack waits for the stronger of this and the topic's.
    bool frees_space = false;      // Taken on a full disk too: it makes room there.
    bool records_checked = false;  // A RecordsCheck of these batches has found nothing.
    // A conditional append: only where the log ends at this offset, so that of many that expect the
    // same exactly one is taken. Sent again, one that was taken and has a producer id is answered
    // as the duplicate it is, whatever it expects.
    std::optional<Offset> expected_offset;
    void (*done)(AppendOp& op) noexcept =
            nullptr;        // Exactly once, only if append() returned a value.
    void* owner = nullptr;  // The caller's.

    // Out, set when append() returns.
    Offset base_offset;                // Of the first record of the first batch.
    Offset end_offset;                 // One above the last record of the last batch. After
                                       // unexpected_offset: where the log ends, durable or not.
    TimestampMs append_time = -1;      // LogAppendTime, or -1.
    bool duplicate = false;            // Stored before: the above are the first one's.
    std::int32_t refused_record = -1;  // missing_key: which one, counted through all batches.
    std::optional<TimestampFault> timestamp_fault;  // After invalid_timestamp, if it is one's.
    // Out, set when done runs.
    Result<void> outcome;  // shutting_down, io_failed: unknown, the record may yet appear.

    AppendOp* next = nullptr;  // The engine's while in flight.
};

struct ReadOp {
    // In.
    Offset from;
    Offset limit;                  // Nothing at or beyond it; usually visible_end().
    std::uint32_t bytes_max = 0;   // Of whole batches.
    bool first_may_exceed = true;  // Else a first batch over bytes_max gives no slices.
    void (*done)(ReadOp& op) noexcept = nullptr;  // Only if read() answered pending.
    void* owner = nullptr;

    // Out. Slices put end to end are whole batches, as stored; the first one holds `from` (it may
    // begin below it). The caller clears slices, which gives the memory back, and bytes before it
    // reads again.
    Result<void> outcome;  // offset_out_of_range, damaged_range, io_failed, shutting_down.
    std::vector<Slice> slices;
    std::uint32_t bytes = 0;
    Offset next_offset;  // One above the last record in slices; `from` when there are none.

    ReadOp* next = nullptr;  // The engine's while in flight.
    void* state = nullptr;   // The engine's while in flight.
};

class LogWaiterList;

// Waits until a log takes appends again: until it knows its idempotent producers, or until an
// atomic append is done with it. Caller-owned; `ready` once, on the shard's thread, never inside
// the call; also when the log fails or is removed.
struct LogWaiter {
    void (*ready)(LogWaiter& waiter) noexcept = nullptr;
    void* owner = nullptr;
    LogWaiter* next = nullptr;  // The engine's while it waits, as what follows.
    LogWaiter* previous = nullptr;
    LogWaiterList* list = nullptr;
};

// Waiters in the order in which they came. Thread: the shard's.
class LogWaiterList {
public:
    [[nodiscard]] LogWaiter* first() const noexcept { return first_; }

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    void push_back(LogWaiter& waiter) noexcept {
        waiter.list = this;
        waiter.next = nullptr;
        waiter.previous = last_;
        (last_ == nullptr ? first_ : last_->next) = &waiter;
        last_ = &waiter;
    }

    // Requires: it is in this list.
    void remove(LogWaiter& waiter) noexcept {
        (waiter.previous == nullptr ? first_ : waiter.previous->next) = waiter.next;
        (waiter.next == nullptr ? last_ : waiter.next->previous) = waiter.previous;
        waiter.next = waiter.previous = nullptr;
        waiter.list = nullptr;
    }

private:
    LogWaiter* first_ = nullptr;
    LogWaiter* last_ = nullptr;
};

enum class ReadStatus : std::uint8_t { complete, pending };

// First record whose timestamp is at or above `timestamp`, among those below `limit`.
struct TimeLookupOp {
    TimestampMs timestamp = -1;
    Offset limit;
    void (*done)(TimeLookupOp& op) noexcept = nullptr;  // Exactly once, never inside the call.
    void* owner = nullptr;

    Result<void> outcome;
    bool found = false;
    Offset offset;
    TimestampMs found_timestamp = -1;
    LeaderEpoch epoch = -1;

    TimeLookupOp* next = nullptr;
    void* state = nullptr;
};

// Records at the front of the log go: its start moves up, durably; then the files of segments that
// lie wholly below it go, in the background.
struct DeleteOp {
    Offset before;                                  // In, for delete_before(): the new log start.
    void (*done)(DeleteOp& op) noexcept = nullptr;  // Exactly once, never inside the call.
    void* owner = nullptr;

    // Out. offset_out_of_range (above visible_end()), no_room, storage_full: nothing happened.
    // io_failed, shutting_down: the records may be gone or not.
    Result<void> outcome;
    Offset log_start;            // As it is now.
    std::uint32_t segments = 0;  // Whole ones that this took from the log.
    std::uint64_t bytes = 0;     // Of those.

    DeleteOp* next = nullptr;  // The engine's while in flight.
};

// What one or more passes of compaction made of the part of a log that they went over.
struct CompactionCounts {
    std::uint64_t segments_before = 0;
    std::uint64_t segments_after = 0;
    std::uint64_t records_before = 0;
    std::uint64_t records_after = 0;
    std::uint64_t bytes_before = 0;
    std::uint64_t bytes_after = 0;
};

// Compaction of all that may be compacted now, whatever the ratio of it that is dirty.
struct CompactOp {
    void (*done)(CompactOp& op) noexcept = nullptr;  // Exactly once, never inside the call.
    void* owner = nullptr;

    // storage_full: there is no room for what would replace the segments; damaged_range: one of
    // them cannot be read and stays; no_room: not enough memory; shutting_down, io_failed.
    Result<void> outcome;
    CompactionCounts counts;

    CompactOp* next = nullptr;  // The engine's while it waits.
};

// Opens the compressed batches of an append on another thread, to see whether every record has a
// key.
struct RecordsCheck {
    Bytes batches;                                         // In; borrowed only while the call runs.
    void (*done)(RecordsCheck& check) noexcept = nullptr;  // Exactly once, never inside the call.
    void* owner = nullptr;

    // corrupt_batch, batch_too_large (opened, a batch has more bytes than are allowed),
    // unsupported_batch, missing_key; shutting_down.
    Result<void> outcome;
    std::int32_t refused_record = -1;  // missing_key: which one, counted through all batches.

    RecordsCheck* next = nullptr;  // The engine's while it waits.
};

// Records that cannot be read, or an index that does not agree with them.
struct DamagedRange {
    std::string file;            // Its name in the partition's folder.
    Offset segment;              // First offset of its segment.
    Offset first;                // Of what is damaged, or of what the wrong entries name ...
    Offset last;                 // ... to here.
    std::uint64_t position = 0;  // In the file: it is sound up to here.
    std::string reason;

    bool operator==(const DamagedRange&) const = default;
};

inline constexpr std::size_t kDamagedRangesMax = 256;  // Of one VerifyOp.

// Reads what is stored of a log, from the segment that holds `from` on, segment by segment, and
// checks every batch (header, checksum, offsets) and the index files of sealed segments. One read
// is in flight at a time, and no cache is filled. Segments that leave the log meanwhile are no
// damage, and those that take their place are verified; nor is a missing index, which is made again
// when it is needed.
struct VerifyOp {
    // In.
    Offset from;
    std::uint64_t bytes_max = 0;  // Ends behind the segment with which it has read so many.
    void (*done)(VerifyOp& op) noexcept = nullptr;  // Exactly once, never inside the call.
    void* owner = nullptr;

    // Out.
    Result<void> outcome;  // Of the verification itself: io_failed, shutting_down.
    bool at_end = false;   // Nothing stored lies behind next_offset.
    Offset next_offset;    // Go on from here.
    std::uint64_t segments = 0;
    std::uint64_t batches = 0;  // Right ones, and their records.
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;            // Of log files.
    std::vector<DamagedRange> damaged;  // At most kDamagedRangesMax.
    std::uint64_t damaged_in_all = 0;   // With those that found no room there.

    void* state = nullptr;  // The engine's while in flight.
};

struct LogOffsets {
    Offset log_start;
    Offset flushed_end;
    Offset written_end;
    Offset log_end;
    Offset visible_end;  // The high watermark, without replication.
};

struct EpochEnd {
    LeaderEpoch epoch = -1;  // Largest epoch at or below the asked one; -1: none known.
    Offset end_offset{-1};   // First offset of the next epoch, or the log end.
};

// Told when readers can see more. Runs from completions, on the shard's thread.
class LogListener {
public:
    virtual ~LogListener() = default;
    virtual void visible_end_moved(Offset visible_end) noexcept = 0;

protected:
    LogListener() = default;
    LogListener(const LogListener&) = default;
    LogListener& operator=(const LogListener&) = default;
};

class Log {
public:
    virtual ~Log() = default;
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    // Checks every batch, gives them offsets and the leader epoch, and copies them into the open
    // commit group; all of them or none. On success `done` runs when the class's mark passes them.
    // A batch with a producer id comes alone. One that its producer has sent before, among the last
    // five, is a success that appends nothing and is done when the first one's mark is passed.
    // Errors:    corrupt_batch, unsupported_batch, batch_too_large, invalid_timestamp,
    //            duplicate_sequence, out_of_order_sequence, invalid_producer_epoch,
    //            unexpected_offset (nothing happened); no_room (park, see
    //            ShardEngine::wait_for_room); producers_unread (park, see wait_for_producers);
    //            log_held (park, see wait_for_release); storage_full; shutting_down. None of them
    //            runs `done`.
    //            A compacted log, besides: missing_key, and records_unchecked (park, see
    //            check_records).
    [[nodiscard]] virtual Result<void> append(AppendOp& op) = 0;

    // Looks into compressed batches on another thread: try the append again then. The log lives
    // until `done` has run, also when it is removed meanwhile.
    virtual void check_records(RecordsCheck& check) = 0;
    virtual void cancel_check(RecordsCheck& check) noexcept = 0;

    // The producers are read back into memory: try the append again then.
    virtual void wait_for_producers(LogWaiter& waiter) noexcept = 0;
    // An atomic append is done with the log: the same.
    virtual void wait_for_release(LogWaiter& waiter) noexcept = 0;
    virtual void cancel_wait(LogWaiter& waiter) noexcept = 0;

    // complete: op.outcome and slices are set now. pending: `done` runs later.
    [[nodiscard]] virtual ReadStatus read(ReadOp& op) = 0;

    virtual void look_up_time(TimeLookupOp& op) = 0;

    // Nothing below op.before is readable once it is done. An offset at or below the log start
    // changes nothing. The log start lies where it was asked for, also inside a segment or a batch.
    virtual void delete_before(DeleteOp& op) = 0;
    // Deletes the whole segments that retention_ms and retention_bytes no longer keep, now.
    // Otherwise the engine looks by itself every 30 seconds.
    virtual void expire(DeleteOp& op) = 0;

    // Keeps of every key the last record, in all whole segments that may be compacted now.
    // Otherwise the engine looks by itself every 15 seconds whether the log's settings want it.
    // A log whose settings do not have compaction stays as it is.
    virtual void compact(CompactOp& op) = 0;

    // The engine does the same by itself, slowly: see EngineOptions::scrub_interval_ms.
    virtual void verify(VerifyOp& op) = 0;

    [[nodiscard]] virtual LogOffsets offsets() const noexcept = 0;
    // Of what is appended next. Rises with every run that did not end with a clean stop; a new log
    // begins with what the others would have risen to.
    [[nodiscard]] virtual LeaderEpoch leader_epoch() const noexcept = 0;
    [[nodiscard]] virtual EpochEnd epoch_end(LeaderEpoch epoch) const noexcept = 0;
    // Bytes of all segments that hold readable batches, on disk and in memory.
    [[nodiscard]] virtual std::uint64_t size_bytes() const noexcept = 0;
    [[nodiscard]] virtual std::uint32_t segment_count() const noexcept = 0;

    virtual void set_config(const LogConfig& config) noexcept = 0;
    // At most one; null to stop.
    virtual void set_listener(LogListener* listener) noexcept = 0;

protected:
    Log() = default;
};

}  // namespace millrace::engine
