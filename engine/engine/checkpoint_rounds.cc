// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/checkpoint_rounds.h"

#include "engine/assert.h"
#include "engine/engine/shard_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace millrace::engine {

namespace {

// Between a round that found no space for the checkpoint and the next try.
constexpr MonotonicTime kRetryInterval = std::chrono::seconds(1);

}  // namespace

CheckpointRounds::CheckpointRounds(EngineCore& core, Storage& storage)
        : core_(core),
          writer_(storage, core.state().checkpoint, core.failed()),
          guarded_clock_(core.parts().clock, core.state().checkpoint.newest->guarded_clock) {
    for (const auto& [directory, wal] : core.state().wals) {
        if (directory < core.options().shards) continue;
        auto& orphan = orphans_[directory];
        orphan.start = wal.start;
        orphan.end = wal.end;
        for (const auto& slot : wal.slots) {
            if (slot.use == nullptr || slot.use->unflushed_entries == 0) continue;
            orphan.shares += slot.use->unflushed_entries;
            orphan.bytes += slot.bytes;
        }
    }
    count_orphan_bytes();
    core.set_rounds(this);
    if (!guarded_clock_.began_far_ahead()) return;
    core.parts().events.event(Level::warning,
                              "retention.held",
                              "The wall clock is more than a day ahead of where it stood: nothing "
                              "is deleted by its age for an hour. Is the clock right?",
                              {{"wall_clock", fmt::format("{}", core.parts().clock.wall_now())}});
}

CheckpointRounds::~CheckpointRounds() {
    core_.set_rounds(nullptr);
}

bool CheckpointRounds::all_shards(std::atomic<bool> ShardLink::*flag) const noexcept {
    return std::all_of(core_.links().begin(), core_.links().end(), [flag](const auto& link) {
        return (link.*flag).load(std::memory_order_acquire);
    });
}

bool CheckpointRounds::any_shard(std::atomic<bool> ShardLink::*flag) const noexcept {
    return std::any_of(core_.links().begin(), core_.links().end(), [flag](const auto& link) {
        return (link.*flag).load(std::memory_order_acquire);
    });
}

void CheckpointRounds::look() noexcept {
    if (phase_ != Phase::idle || core_.failed().load(std::memory_order_acquire)) return;
    const bool may_write = core_.decided() && all_shards(&ShardLink::started);
    if (all_shards(&ShardLink::flushed)) {
        // Without a decision nothing has changed that a checkpoint could say.
        if (!may_write) return end_final({});
        return begin(true);
    }
    if (!may_write || !any_shard(&ShardLink::wants_round)) return;
    if (core_.parts().clock.monotonic_now() >= retry_at_) begin(false);
}

MonotonicTime CheckpointRounds::next_deadline() const noexcept {
    if (phase_ != Phase::idle || core_.failed().load(std::memory_order_acquire) ||
        !any_shard(&ShardLink::wants_round) || !core_.decided()) {
        return MonotonicTime::max();
    }
    return retry_at_;
}

void CheckpointRounds::begin(bool final) noexcept {
    final_ = final;
    ask_all(RoundStep::prepare, Phase::preparing);
}

void CheckpointRounds::ask_all(RoundStep step, Phase phase) noexcept {
    ASSERT(answers_left_ == 0);
    phase_ = phase;
    answers_left_ = core_.options().shards;
    for (auto& link : core_.links()) {
        link.round.step = step;
        core_.parts().post.post(link.index, link.round.to_shard);
    }
}

void CheckpointRounds::answered() noexcept {
    ASSERT(answers_left_ > 0);
    if (--answers_left_ > 0) return;
    // Poison ends the round where it is: the shards have failed and wait for nothing.
    if (core_.failed().load(std::memory_order_acquire)) return;
    switch (phase_) {
        case Phase::preparing:
            return prepared();
        case Phase::positioning:
            return positioned();
        case Phase::releasing:
            return released();
        case Phase::abandoning:
            phase_ = Phase::idle;
            if (final_) return end_final(std::unexpected(abandoned_because_));
            retry_at_ = core_.parts().clock.monotonic_now() + kRetryInterval;
            return look();
        case Phase::idle:
        case Phase::writing:
        case Phase::stopped:
            break;  // Nobody has asked: answers_left_ was zero.
    }
}

void CheckpointRounds::prepared() noexcept {
    for (auto& link : core_.links()) {
        if (!link.round.prepared) return abandon(link.round.prepared.error());
        link.round.returned.clear();
    }
    for (auto& link : core_.links()) {
        for (const auto& share : link.round.surrendered) {
            if (share.directory < core_.options().shards) {
                core_.link(share.directory).round.returned.push_back(share);
            } else {
                auto& orphan = orphans_.at(share.directory);
                ASSERT(orphan.shares >= share.count);
                orphan.shares -= share.count;
            }
        }
    }
    ask_all(RoundStep::position, Phase::positioning);
}

Checkpoint CheckpointRounds::assemble() {
    Checkpoint checkpoint;
    checkpoint.number = writer_.next_number();
    checkpoint.run_number = core_.state().summary.run_number;
    checkpoint.shards = core_.options().shards;
    checkpoint.clean = final_ && all_shards(&ShardLink::flush_complete);
    checkpoint.leader_epoch_min = core_.state().summary.leader_epoch_min;
    checkpoint.guarded_clock = guarded_clock_.now();
    for (auto& link : core_.links()) {
        auto& part = link.round;
        checkpoint.clean = checkpoint.clean && part.all_in_segments;
        checkpoint.wals.push_back(part.position);
        std::move(part.rows.begin(), part.rows.end(), std::back_inserter(checkpoint.partitions));
        part.rows.clear();
    }
    for (const auto& [directory, orphan] : orphans_) {
        // Where no group ever was, there may be no file either that could be found again.
        if (orphan.shares == 0 && orphan.end.sequence <= 1) continue;
        checkpoint.wals.push_back(orphan.shares == 0 ? orphan.end : orphan.start);
    }
    return checkpoint;
}

void CheckpointRounds::positioned() noexcept {
    const auto checkpoint = assemble();
    number_ = checkpoint.number;
    partitions_ = checkpoint.partitions.size();
    phase_ = Phase::writing;
    write_op_.owner = this;
    write_op_.done = [](CheckpointWriteOp& op) noexcept {
        static_cast<CheckpointRounds*>(op.owner)->written();
    };
    writer_.write(checkpoint, write_op_);
}

void CheckpointRounds::written() noexcept {
    const auto& outcome = write_op_.outcome;
    if (!outcome && outcome.error().code == Errc::io_failed) {
        // Its own shard acknowledges nothing any more from here on, without waiting for a message.
        constexpr std::uint32_t kOwnShard = 0;
        core_.fail(outcome.error(), "writing a checkpoint", kOwnShard);
        core_.link(kOwnShard).engine->poisoned(outcome.error());
    }
    if (core_.failed().load(std::memory_order_acquire)) return;
    core_.set_checkpoint_refused(!outcome && outcome.error().code == Errc::storage_full);
    if (!outcome) return abandon(outcome.error());
    count_orphan_bytes();
    core_.parts().events.event(Level::debug,
                               "checkpoint.written",
                               "A checkpoint is on stable storage.",
                               {{"number", fmt::format("{}", number_)},
                                {"partitions", fmt::format("{}", partitions_)},
                                {"bytes", fmt::format("{}", write_op_.bytes)}});
    ask_all(RoundStep::durable, Phase::releasing);
}

void CheckpointRounds::abandon(Error error) noexcept {
    abandoned_because_ = error;
    // Shares of orphans come again with the next round.
    for (auto& link : core_.links()) {
        if (phase_ == Phase::preparing) break;
        for (const auto& share : link.round.surrendered) {
            if (share.directory < core_.options().shards) continue;
            orphans_.at(share.directory).shares += share.count;
        }
    }
    core_.parts().events.event(Level::warning,
                               "checkpoint.abandoned",
                               "A checkpoint could not be written; it will be tried again.",
                               {{"error", std::string(name_of(error.code))}});
    ask_all(RoundStep::abandon, Phase::abandoning);
}

void CheckpointRounds::count_orphan_bytes() noexcept {
    std::uint64_t bytes = 0;
    for (const auto& [directory, orphan] : orphans_) {
        if (orphan.shares > 0) bytes += orphan.bytes;
    }
    core_.set_orphan_bytes(bytes);
}

void CheckpointRounds::released() noexcept {
    phase_ = Phase::idle;
    if (final_) return end_final({});
    look();
}

void CheckpointRounds::end_final(Result<void> outcome) noexcept {
    phase_ = Phase::stopped;
    for (auto& link : core_.links()) {
        link.round.step = RoundStep::stopped;
        link.round.outcome = outcome;
        core_.parts().post.post(link.index, link.round.to_shard);
    }
}

}  // namespace millrace::engine
