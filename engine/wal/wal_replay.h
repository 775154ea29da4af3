// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Reads one WAL directory back after a stop, clean or not: every group that follows the chain from
// where the checkpoint says, and the question whether what ends it is a torn end or damage.
//
// Thread:      one, before shards run; blocks.
// Durability:  every file that groups were taken from is flushed before replay_wal() returns.
#pragma once

#include "engine/arena.h"
#include "engine/event_log.h"
#include "engine/format/checkpoint.h"
#include "engine/result.h"
#include "engine/storage.h"
#include "engine/wal/wal_appender.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace millrace::engine {

// One entry as it lies in memory now. `start` and `empty` entries are not reported.
struct ReplayedEntry {
    EntryKind kind = EntryKind::append;
    PartitionKey key;
    WalPlace place;                // Payload; place.file counts it as unflushed.
    std::uint32_t run_number = 0;  // Of the run that wrote it.
    std::uint32_t directory = 0;
};

// Groups that cannot be had although they had been flushed: only with accept_loss.
struct WalLoss {
    std::uint32_t directory = 0;
    std::uint32_t slot = 0;
    std::uint64_t position = 0;  // Byte in the file where the chain broke.
    Sequence expected = 0;
    std::vector<PartitionKey> seen_later;  // Partitions with entries in later valid groups.
    // First offset of each of them seen there; -1: not known. What lies between the end of what was
    // replayed and it may be missing.
    std::vector<Offset> seen_later_from;
};

// One file of the directory as found.
struct WalSlot {
    std::uint32_t slot = 0;  // <slot>.wal
    std::uint64_t bytes = 0;
    std::uint64_t written_bytes = 0;  // Up to the end of the last group of any age: initialised.
    std::uint64_t file_number = 0;    // Highest of any group in it, of any run; 0: none.
    std::unique_ptr<WalFileUse> use;  // Null when the file holds nothing that replay needs.
    WalPosition first;                // Where its first replayed group begins; with `use` only.
};

struct ReplayedWal {
    WalPosition start;             // As the checkpoint has it.
    WalPosition end;               // Where the next group goes; chain and sequence continue.
    std::uint32_t run_number = 0;  // Highest seen; 0: none.
    std::uint64_t groups = 0;
    std::uint64_t bytes = 0;
    bool clean_end = true;               // Nothing at all was found behind the last group.
    std::vector<WalSlot> slots;          // Every <slot>.wal of the directory, ascending.
    std::vector<ReplayedEntry> entries;  // In log order.
    std::vector<WalLoss> losses;
};

// `from` as the checkpoint has it; for a directory it does not name: directory set, the rest zero.
// Errors: damaged_wal (a group that had been flushed is missing or bad, and !accept_loss; an event
// names file, position and partitions), newer_format, io_failed.
[[nodiscard]] Result<ReplayedWal> replay_wal(Storage& storage,
                                             Arena& arena,
                                             EventLog& events,
                                             const WalPosition& from,
                                             bool accept_loss);

}  // namespace millrace::engine
