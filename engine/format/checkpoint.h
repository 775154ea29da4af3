// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The checkpoint of a whole broker as values. Bytes: checkpoint_codec.
#pragma once

#include "engine/types.h"

#include <cstdint>
#include <vector>

namespace millrace::engine {

struct SegmentRow {
    Offset base;
    std::uint64_t bytes = 0;  // Valid bytes in the file; the file may be longer if not sealed.
    TimestampMs first_timestamp = -1;  // Largest of the first batch: segment.ms counts from it.
    TimestampMs largest_timestamp = -1;
    Offset largest_timestamp_offset{-1};  // Last offset of the batch that holds it.
    bool sealed = false;
    // Compaction has been at it: offsets may be missing in front of and between its batches.
    bool has_holes = false;
    bool clean = false;  // All of it lies below the dirty point.
    // Its files may still bear their names with kSwapSuffix; files without it are of what it has
    // replaced then.
    bool swapping = false;

    bool operator==(const SegmentRow&) const = default;
};

struct EpochRow {
    LeaderEpoch epoch = 0;
    Offset start;

    bool operator==(const EpochRow&) const = default;
};

// One partition, as far as its segment files are on stable storage.
struct PartitionRow {
    PartitionKey key;
    Offset log_start;
    Offset flushed_offset;             // Everything below lies in segment files.
    std::vector<SegmentRow> segments;  // Ascending; the last may be active, all others sealed.
    std::vector<EpochRow> epochs;      // Ascending.
    // Producers of batches below it are in the snapshot of that offset. -1: no batch below
    // flushed_offset has a producer. -2 - X: none below X has, and there is no snapshot.
    Offset producer_snapshot{-1};

    bool operator==(const PartitionRow&) const = default;
};

// Where replay of one WAL directory starts.
struct WalPosition {
    std::uint32_t directory = 0;  // wal/<directory>/
    std::uint32_t slot = 0;       // <slot>.wal
    std::uint64_t file_number = 0;
    std::uint32_t block = 0;       // In the file.
    Sequence sequence = 0;         // Of the group that begins there, or will.
    std::uint32_t chain = 0;       // CRC of the group before it.
    std::uint32_t run_number = 0;  // Of the run that wrote the group before it; 0: none.
    std::uint64_t run_bits = 0;    // Of that run.

    bool operator==(const WalPosition&) const = default;
};

struct Checkpoint {
    std::uint64_t number = 0;  // Counts up; the two slots alternate.
    std::uint32_t run_number = 0;
    std::uint32_t shards = 0;
    bool clean = false;                // Written by a clean stop: replay finds nothing.
    LeaderEpoch leader_epoch_min = 0;  // Of what the run appended.
    TimestampMs guarded_clock = 0;
    std::vector<WalPosition> wals;
    std::vector<PartitionRow> partitions;

    bool operator==(const Checkpoint&) const = default;
};

}  // namespace millrace::engine
