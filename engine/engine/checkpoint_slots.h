// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The two slots of the checkpoint, as a start finds and makes them.
//
// Both slots exist and are valid before the first WAL directory is made. So a data directory with
// WAL directories and no valid slot is damaged, never new.
#pragma once

#include "engine/arena.h"
#include "engine/engine/blocking_files.h"
#include "engine/event_log.h"
#include "engine/format/checkpoint_codec.h"
#include "engine/result.h"
#include "engine/storage.h"

#include <array>
#include <cstdint>
#include <optional>

namespace millrace::engine {

// Slots are this much longer than what is written next, so that a full file system cannot stop
// the checkpoint that makes room.
inline constexpr std::uint64_t kCheckpointAheadBytes = 1U << 20;

struct CheckpointSlot {
    std::uint64_t number = 0;  // Of the checkpoint it holds; 0: none that is valid.
    std::uint64_t bytes = 0;   // Size of the file.
};

struct FoundCheckpoint {
    std::array<CheckpointSlot, 2> slots;
    std::optional<Checkpoint> newest;  // None: neither slot is valid.
};

// Errors: newer_format, io_failed. A slot that cannot be read or is not valid is only a warning.
[[nodiscard]] Result<FoundCheckpoint> read_checkpoint_slots(Storage& storage,
                                                            Arena& arena,
                                                            EventLog& events);

// Makes what was found durable: a process that was killed may have left it in the page cache alone,
// and what the next run writes relies on it.
[[nodiscard]] Result<void> sync_checkpoint_slots(Storage& storage,
                                                 EventLog& events,
                                                 const FoundCheckpoint& found);

// Makes both slots of a new data directory, durably, with an empty checkpoint.
[[nodiscard]] Result<FoundCheckpoint> make_checkpoint_slots(Storage& storage,
                                                            Arena& arena,
                                                            EventLog& events,
                                                            std::uint32_t shards);

}  // namespace millrace::engine
