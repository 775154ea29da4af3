// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Adoption: segment files that somebody else has laid down become partitions.
#pragma once

#include "engine/log.h"
#include "engine/result.h"
#include "engine/types.h"

#include <string>
#include <vector>

namespace millrace::engine {

struct AdoptedPartition {
    PartitionKey key;       // Of no open log.
    std::string directory;  // Its folder's name below topics/.
};

// Owned by the caller, kept still until `done`.
//
// Durability:  when `done` runs without an error, the files and a checkpoint that names them are on
//              stable storage, and the logs are open. Nothing of what they hold was read: damage
//              shows when it is. Producers of what they hold are not known: appends of theirs are
//              those of new ones.
// Failure:     after an error some of the logs may be open: they are to be removed.
struct AdoptOp {
    // In.
    // A folder below the data directory, on its file system: `checkpoint.a`, whose rows are those
    // of one topic whatever its id, and for each partition that has a row a folder named after its
    // number, with the files that the row names. A last segment that is not sealed has exactly the
    // bytes of its row. The files leave the folder.
    std::string source;
    std::vector<AdoptedPartition> partitions;  // Of the shard.
    LogConfig config;
    void (*done)(AdoptOp& op) noexcept = nullptr;  // Exactly once, never inside the call.
    void* owner = nullptr;

    // Out. damaged_range: the checkpoint cannot be used, or the files are not what it says;
    // storage_full, no_room (memory), shutting_down; io_failed.
    Result<void> outcome;
    std::string fault;  // After damaged_range: which file, and what is wrong. A sentence's end.
};

}  // namespace millrace::engine
