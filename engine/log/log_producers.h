// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Where a log stands with its idempotent producers: what of them is in memory, and from where on
// they can be read again.
#pragma once

#include "engine/format/checkpoint.h"
#include "engine/log.h"
#include "engine/log/producer_table.h"
#include "engine/types.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::engine {

struct LogState;

// Thread:      the shard's.
// Invariant:   producers of batches below `from` are those of the snapshot, or there are none;
//              those of later batches are found by their headers, in segment files and the tail.
struct LogProducers {
    // Null: not in memory.
    std::unique_ptr<ProducerTable> table;

    bool any = false;           // False: no batch of the log has a producer that counts.
    bool has_snapshot = false;  // The file of `from` is there.
    bool loading = false;       // ProducerLoads reads it or has it in a list.
    std::uint32_t pins = 0;     // Jobs that work with the table: it stays.
    Offset from;
    std::uint64_t bytes_since = 0;  // Stored in segment files since `from`; never fewer.

    // Snapshots that a newer one has made needless, and the newest that a checkpoint names.
    std::vector<Offset> needless;
    Offset named{-1};
    Offset prepared{-1};  // By the round under way.

    std::uint64_t memory_counted = 0;  // As ProducerMemory has it.
    LogState* older = nullptr;         // ProducerMemory's list.
    LogState* newer = nullptr;

    LogWaiter* first_waiter = nullptr;  // Until the table is in memory.
    LogWaiter* last_waiter = nullptr;
    LogState* next = nullptr;  // ProducerLoads'.

    // As a checkpoint has them.
    void adopt(const PartitionRow& row) noexcept;

    // PartitionRow::producer_snapshot of a row with this flushed offset.
    [[nodiscard]] Offset row(Offset flushed_offset) const noexcept;

    [[nodiscard]] bool names_snapshot(Offset offset) const noexcept {
        return has_snapshot && from == offset;
    }

    // The segment that began at `offset` has gone: a snapshot of that name stays while it is the
    // newest, or a checkpoint may name it. False: it may go, too.
    [[nodiscard]] bool keeps_snapshot(Offset offset);

    // The first batch with a producer that counts begins at `base`.
    void begin(Offset base) noexcept;

    // The snapshot of `offset` is in its file.
    void saved(Offset offset, bool old_one_is_needless);
};

}  // namespace millrace::engine
