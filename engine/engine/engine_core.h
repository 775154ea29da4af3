// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What the shards of one engine share: what recovery found, who has failed, and the messages
// between shard 0, which leads checkpoint rounds, and the others.
//
// Lifecycle:   made by recovery; outlives every ShardEngine and every posted task.
// Thread:      a field says whose it is. Messages are PostedTasks; their order is what makes one
//              thread's writes visible to the next.
#pragma once

#include "engine/engine.h"
#include "engine/engine/recovered_state.h"
#include "engine/format/checkpoint.h"
#include "engine/log/compaction/compaction_rate.h"
#include "engine/shard_post.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

namespace millrace::engine {

class AtomicAppends;
class CheckpointRounds;
class EngineCore;
class ShardEngineImpl;
struct ShardLink;

struct LinkTask : PostedTask {
    ShardLink* link = nullptr;
};

// What shard 0 asks of a shard, in this order within a round.
enum class RoundStep : std::uint8_t {
    prepare,   // Rows and releases, synced.
    position,  // Where replay of the shard's WAL would start.
    durable,   // The checkpoint is on stable storage: release, recycle.
    abandon,   // Or it was not written.
    stopped,   // Every shard has stopped. Not answered.
};

// One shard's part of a round: goes to the shard and comes back, so that one of the two has it.
struct RoundPart {
    LinkTask to_shard;
    LinkTask to_leader;
    RoundStep step = RoundStep::prepare;

    // prepare: from the shard.
    Result<void> prepared;
    std::vector<PartitionRow> rows;
    bool all_in_segments = false;  // No recovered entry waits for a log that nobody opened.

    struct Share {
        std::uint32_t directory = 0;
        WalFileUse* original = nullptr;
        std::uint64_t count = 0;  // How often the original counts it.
    };

    std::vector<Share> surrendered;  // Files of other directories of which it needs nothing now.

    // position: to the shard, the shares in its own directory that are given back; and the answer.
    std::vector<Share> returned;
    WalPosition position;

    // stopped: to the shard.
    Result<void> outcome;
};

// One shard as the others see it.
struct ShardLink {
    std::uint32_t index = 0;
    EngineCore* core = nullptr;
    ShardEngineImpl* engine = nullptr;  // The shard's own thread, as is the next.
    AtomicAppends* atomic = nullptr;
    RoundPart round;

    // Set by the shard, read by shard 0 when it is nudged.
    std::atomic<bool> started{false};
    std::atomic<bool> wants_round{false};
    std::atomic<bool> flushed{false};         // Stopping; everything that could be is in segments.
    std::atomic<bool> flush_complete{false};  // And that was everything.
    // For the free space that all of them need together.
    std::atomic<std::uint64_t> live_bytes{0};
    // For those who have shares in the shard's WAL: how full it is for them, and the file that it
    // writes to.
    std::atomic<std::uint64_t> pressure{0};
    std::atomic<std::uint64_t> newest_file{0};

    std::atomic<bool> nudged{false};
    LinkTask nudge;    // To shard 0: look at the flags.
    LinkTask poison;   // To the shard, once.
    LinkTask decided;  // To the shard, once.
    std::atomic<bool> woken{false};
    LinkTask wake;  // To the shard: a turn, since a WAL in which it has a share has moved on.
};

class EngineCore {
public:
    EngineCore(const EngineOptions& options, const EngineParts& parts, RecoveredState&& state);
    EngineCore(const EngineCore&) = delete;
    EngineCore& operator=(const EngineCore&) = delete;

    [[nodiscard]] const EngineOptions& options() const noexcept { return options_; }

    [[nodiscard]] const EngineParts& parts() const noexcept { return parts_; }

    [[nodiscard]] RecoveredState& state() noexcept { return state_; }

    [[nodiscard]] const RecoveredState& state() const noexcept { return state_; }

    [[nodiscard]] CompactionRate& compaction_rate() noexcept { return compaction_rate_; }

    [[nodiscard]] std::deque<ShardLink>& links() noexcept { return links_; }

    [[nodiscard]] ShardLink& link(std::uint32_t index) noexcept { return links_[index]; }

    // Shard 0's thread.
    void set_rounds(CheckpointRounds* rounds) noexcept { rounds_ = rounds; }

    // Thread: any. Poison: the first call tells the listener and every other shard; the caller's
    // own shard has failed already or does so itself.
    void fail(Error error, std::string_view what, std::uint32_t shard) noexcept;

    [[nodiscard]] const std::atomic<bool>& failed() const noexcept { return failed_; }

    // Requires: failed().
    [[nodiscard]] Error failure_reason() const noexcept { return reason_; }

    // Every shard but this one takes a turn. Thread: that shard's.
    void wake_others(std::uint32_t shard) noexcept;

    // Shard 0 looks at what `link` has set. Thread: that shard's.
    void nudge_leader(ShardLink& link) noexcept;

    // Shard 0's thread, once: every shard is told.
    void decide() noexcept;

    [[nodiscard]] bool decided() const noexcept { return decided_.load(std::memory_order_acquire); }

    // Of all shards, and of WAL directories that belong to none.
    [[nodiscard]] std::uint64_t live_bytes() const noexcept;

    // Of WAL directories that belong to no shard: those that segments do not hold yet.
    [[nodiscard]] std::uint64_t orphan_bytes() const noexcept {
        return orphan_bytes_.load(std::memory_order_relaxed);
    }

    // Shard 0's thread.
    void set_orphan_bytes(std::uint64_t bytes) noexcept {
        orphan_bytes_.store(bytes, std::memory_order_relaxed);
    }

    // Of the file-system-full states of the shards: the first and the last change are told.
    // Returns true when this one was.
    [[nodiscard]] bool note_storage_full(bool full) noexcept;

    // The last checkpoint found no space. Set by shard 0; thread: any.
    void set_checkpoint_refused(bool refused) noexcept {
        checkpoint_refused_.store(refused, std::memory_order_relaxed);
    }

    [[nodiscard]] bool checkpoint_refused() const noexcept {
        return checkpoint_refused_.load(std::memory_order_relaxed);
    }

private:
    const EngineOptions options_;
    const EngineParts parts_;
    RecoveredState state_;
    CompactionRate compaction_rate_;
    std::deque<ShardLink> links_;
    CheckpointRounds* rounds_ = nullptr;
    std::atomic<bool> failing_{false};
    std::atomic<bool> failed_{false};
    Error reason_;  // Written before failed_.
    std::atomic<bool> decided_{false};
    std::atomic<std::uint64_t> orphan_bytes_{0};
    std::atomic<std::uint32_t> full_shards_{0};
    std::atomic<bool> checkpoint_refused_{false};
};

}  // namespace millrace::engine
