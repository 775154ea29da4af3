// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What one log is made of, for the jobs that work on it. An idle one takes under a kilobyte.
#pragma once

#include "engine/buffer.h"
#include "engine/clock.h"
#include "engine/log.h"
#include "engine/log/leader_epochs.h"
#include "engine/log/log_producers.h"
#include "engine/log/segment_set.h"
#include "engine/log/tail.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace millrace::engine {

struct LogState;

// The last, partial block of what segment files hold, or how to recognise it when it is read back.
struct LastBlock {
    BufferRef buffer;        // Null: not in memory.
    bool crc_known = false;  // Of the part that is data, when the buffer was given up.
    std::uint32_t crc = 0;
    std::uint32_t failed_reads = 0;  // In a row.
    LogState* older = nullptr;
    LogState* newer = nullptr;
};

// Where a log stands with the flusher.
struct FlushPlace {
    enum class List : std::uint8_t { none, dirty, full };

    List list = List::none;
    bool running = false;  // A run of it is under way.
    bool refused = false;  // The last one found no space.
    LogState* before = nullptr;
    LogState* after = nullptr;
};

// What a checkpoint round has to sync before it may name what the log has stored.
struct UnsyncedParts {
    bool file = false;    // The segment being stored.
    bool folder = false;  // Names of new files.
    bool parent = false;  // The folder's own name.
    bool listed = false;
    LogState* next = nullptr;
};

// Where a log stands with compaction.
struct CompactionPlace {
    bool busy = false;  // A pass works on it: names with kSwapSuffix are its own.
    Offset dirty_from;  // Below it no record has a later one of its key below it.
    // Offsets of segments that were replaced, whose files may still be there.
    std::vector<std::pair<Offset, Offset>> replacing;
    // A checkpoint may say that files bear kSwapSuffix which have got their names since.
    bool unsettled = false;
    MonotonicTime not_before{};  // A pass has failed: no other one begins by itself until then.
};

// Thread:      the shard's.
// Invariant:   log_start, stored_end <= flushed_end <= written_end <= log_end;
//              log_start <= log_start_logged; tail.first_offset() <= stored_end.
struct LogState {
    PartitionKey key;
    std::string directory;  // Below topics/.
    LogConfig config;

    Offset log_start;
    Offset log_start_logged;  // As far as entries of the WAL move it, flushed or not.
    Offset stored_end;        // Everything below lies in segment files.
    Offset flushed_end;       // Of the WAL, as is the next.
    Offset written_end;
    Offset log_end;
    std::uint64_t generation = 0;  // Counts cuts; completions of older ones are worthless.

    Tail tail;
    SegmentSet segments;
    std::uint64_t size_bytes = 0;  // Of what was decided to lie in them.
    LeaderEpochs epochs;
    LogProducers producers;

    LogWaiterList hold_waiters;
    bool held = false;           // By an atomic append: no other one is taken.
    bool folder_ready = false;   // It is there, this topic's, and has only files that are named.
    bool removed = false;        // Jobs end at their next step.
    bool has_new_files = false;  // Something was stored since the log was opened.
    std::uint32_t jobs = 0;      // That refer to this log.

    FlushPlace flush;
    LastBlock last_block;
    UnsyncedParts unsynced;
    std::unique_ptr<CompactionPlace> compaction_place;  // Null: it was never compacted.
    Tail::Number prepared = 0;  // tail.stored() when the checkpoint round took its row.

    [[nodiscard]] CompactionPlace& compaction() {
        if (compaction_place == nullptr) compaction_place = std::make_unique<CompactionPlace>();
        return *compaction_place;
    }

    [[nodiscard]] const CompactionPlace& compaction() const noexcept {
        static const CompactionPlace kNever;
        return compaction_place == nullptr ? kNever : *compaction_place;
    }

    // Bytes in the tail that nobody but memory and the WAL has.
    [[nodiscard]] bool dirty() const noexcept { return tail.stored() < tail.end(); }
};

}  // namespace millrace::engine
