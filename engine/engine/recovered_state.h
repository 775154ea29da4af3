// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What recovery found, sorted by the shard that will own it.
//
// A partition's entries may lie in the WAL directory of another shard, because the number of
// shards may differ at every start. Counts of a WAL file belong to the thread of its directory's
// shard; so a shard counts such entries in a stand-in of its own, and the file itself counts the
// stand-in as one entry.
#pragma once

#include "engine/engine.h"
#include "engine/engine/checkpoint_slots.h"
#include "engine/format/checkpoint.h"
#include "engine/log/recovered_log.h"
#include "engine/types.h"
#include "engine/wal/wal_replay.h"

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace millrace::engine {

// One shard's share of a file of another WAL directory: of one that replay found, or of one that
// its shard has written atomic entries to.
struct ForeignFile {
    WalFileUse use;                  // Entries of this shard's partitions. This shard's thread.
    std::uint32_t directory = 0;     // Whose file it is.
    WalFileUse* original = nullptr;  // Only for the thread of that directory's shard.
    std::uint64_t shares = 1;        // How often the original counts this share.
    bool recovered = true;
    bool surrendering = false;  // A round that is under way may release it: it takes no more.
};

// Offsets that WAL entries should have filled and did not.
struct OffsetGap {
    Offset from;  // First one missing.
    Offset to;    // Where entries go on.
    Offset end;   // One above the last that was seen; dropped from `to` on.
};

struct RecoveredPartition {
    RecoveredLog log;
    std::optional<OffsetGap> gap;
};

struct DroppedPartition {
    PartitionKey key;
    std::string directory;  // Empty: its folder, if there is one, belongs to another.
    RecoveredLog log;
};

// Thread: shard 0's until the recovered partitions are decided, then its shard's own.
struct ShardRecovery {
    std::map<PartitionKey, RecoveredPartition> partitions;  // Nobody opened or dropped them yet.
    std::vector<DroppedPartition> dropped;
    std::list<ForeignFile> foreign;  // Addresses are kept by entries.
};

struct RecoveredState {
    FoundCheckpoint checkpoint;
    std::map<std::uint32_t, ReplayedWal> wals;  // By directory; every shard has one.
    std::vector<ShardRecovery> shards;
    RecoverySummary summary;
};

}  // namespace millrace::engine
