// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Atomic append: batches of several partitions, on any shards, that are stored together or not at
// all, whatever crash comes in between.
#pragma once

#include "engine/clock.h"
#include "engine/log.h"
#include "engine/result.h"
#include "engine/types.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace millrace::engine {

// More partitions than this are not appended to at once. In the WAL format: it may only grow.
inline constexpr std::uint32_t kAtomicPartsMax = 1024;

struct AtomicPart {
    // In.
    PartitionKey key;
    Bytes batches;  // One or more whole batches without a producer; borrowed until `done`.
    std::optional<Offset> expected_offset;  // As in AppendOp: one that is not there refuses all.
    void* owner = nullptr;

    // Out, when the outcome is good.
    Offset base_offset{-1};  // Set while its log is held, and from then on when that leads to it.
    Offset end_offset;       // After unexpected_offset, of the refused part: where its log ends.
    TimestampMs append_time = -1;  // LogAppendTime, or -1.
    Offset log_start{-1};
    std::optional<TimestampFault> timestamp_fault;  // After invalid_timestamp, of the refused part.
};

// Owned by the caller, kept still until `done`.
//
// Durability:  when `done` runs without an error every part is flushed, whatever the topics'
// classes
//              are, and readers see all of them. After a crash all of them are there or none:
//              before `done` has run nobody knows which.
// Isolation:   none. Readers may see one part some moments before another.
// Order:       of appends to one of its partitions that come while it is under way, all wait until
//              it is over. Those before it are flushed before it is written.
// Repetition:  the batches have no producers: an append that is sent again after its answer was
//              lost is another one, unless it expects offsets.
struct AtomicAppendOp {
    // In.
    std::span<AtomicPart> parts;  // Of different partitions.
    // Beyond it what still waits, for room or for another atomic append, is refused with no_room.
    MonotonicTime deadline = MonotonicTime::max();
    // The log of one part, opened if need be; on the thread of that part's shard, perhaps several
    // times. Null: there is none, and everything is refused with unknown_topic_id.
    Log* (*find_log)(AtomicAppendOp& op, std::uint32_t shard, AtomicPart& part) noexcept = nullptr;
    // A part is in its log; on the thread of its shard. May be null.
    void (*published)(AtomicAppendOp& op, std::uint32_t shard, AtomicPart& part) noexcept = nullptr;
    void (*done)(AtomicAppendOp& op) noexcept = nullptr;  // Exactly once, never inside the call, on
                                                          // the shard where it was asked for.
    void* owner = nullptr;

    // Out. Nothing was stored after: corrupt_batch, unsupported_batch (also a producer),
    // batch_too_large (also: too many parts, or all together larger than append_bytes_max()),
    // invalid_timestamp, unexpected_offset, unknown_topic_id, no_room, storage_full, shutting_down.
    // io_failed: unknown.
    Result<void> outcome;
    std::optional<std::size_t> refused_part;  // The one that it was refused for.

    void* state = nullptr;  // The engine's while in flight.
};

}  // namespace millrace::engine
