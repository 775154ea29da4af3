// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One atomic append on its way through the shards.
//
//     hold leg 0 -> hold leg 1 -> ... -> write (lead) -> publish every leg -> done (home)
//          |            |                   |
//          +------------+-------------------+--> release the held legs -> done, or again
//
// Thread:      until it is written, whoever has the token: the shard that runs its task. Then each
//              leg is its shard's, and home counts those that come back.
#pragma once

#include "engine/atomic_append.h"
#include "engine/buffer.h"
#include "engine/engine.h"
#include "engine/log/log_hold.h"
#include "engine/shard_post.h"
#include "engine/wal/wal_appender.h"

#include <cstdint>
#include <deque>
#include <vector>

namespace millrace::engine {

class AtomicAppends;
class EngineCore;
struct AtomicAppend;

struct AtomicTask : PostedTask {
    AtomicAppend* append = nullptr;
    std::uint32_t leg = 0;  // Its index; of the token: the shard it goes to.
};

// The parts on one shard.
struct AtomicLeg {
    std::uint32_t shard = 0;
    std::vector<std::uint32_t> parts;  // Their indexes, ascending.
    bool held = false;
    AtomicTask task;  // Published or released, and back home.
};

struct AtomicAppend {
    EngineCore* core = nullptr;
    AtomicAppendOp* op = nullptr;
    std::uint32_t home = 0;
    std::uint32_t lead = 0;             // Whose WAL the entry goes into: the first part's shard.
    std::uint32_t payload_bytes = 0;    // Of the entry.
    std::vector<LogHold> holds;         // One for each part.
    std::vector<std::uint32_t> begins;  // Where each part's batches begin, behind the table.
    std::deque<AtomicLeg> legs;         // By ascending shard; addresses are kept.
    std::uint32_t at_leg = 0;           // The one that is being held.
    std::uint32_t legs_away = 0;        // Published or released and not back; home's.
    bool again = false;                 // It found no room: once it is released it waits for some.
    std::uint32_t room_shard = 0;       // On which shard, and
    std::uint64_t room_bytes = 0;       // how much.
    AtomicTask token;

    // The entry.
    BufferRef image;
    std::byte* batches = nullptr;  // Behind the table. Only read once the entry is kept.
    WalFileUse* file = nullptr;    // For the lead's thread, and to be named to it.
    std::uint64_t file_number = 0;
};

[[nodiscard]] inline AtomicAppend& append_of(PostedTask& task) {
    return *static_cast<AtomicTask&>(task).append;
}

[[nodiscard]] inline AtomicLeg& leg_of(PostedTask& task) {
    return append_of(task).legs[static_cast<AtomicTask&>(task).leg];
}

}  // namespace millrace::engine
