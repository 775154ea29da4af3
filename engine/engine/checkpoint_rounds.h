// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Leads checkpoint rounds over all shards: everybody prepares rows, everybody says where its WAL
// would be replayed from, the checkpoint is written, everybody releases WAL. A round begins when a
// shard wants one, and once more when all have stopped; never by timer.
//
// Lifecycle:   shard 0's engine owns it. Rounds begin when every shard has started and the
//              recovered partitions are decided.
// Thread:      shard 0's.
// Failure:     once the engine has failed no round begins and the one under way writes nothing
//              more.
#pragma once

#include "engine/clock.h"
#include "engine/engine/checkpoint_writer.h"
#include "engine/engine/engine_core.h"
#include "engine/log/guarded_clock.h"
#include "engine/storage.h"

#include <cstdint>
#include <map>

namespace millrace::engine {

class CheckpointRounds {
public:
    CheckpointRounds(EngineCore& core, Storage& storage);
    ~CheckpointRounds();
    CheckpointRounds(const CheckpointRounds&) = delete;
    CheckpointRounds& operator=(const CheckpointRounds&) = delete;

    // Begins what is due.
    void look() noexcept;

    // A shard has answered its step.
    void answered() noexcept;

    // When look() must be called even if nobody nudges; max(): never.
    [[nodiscard]] MonotonicTime next_deadline() const noexcept;

    // No file operation in flight.
    [[nodiscard]] bool idle() const noexcept { return writer_.idle(); }

private:
    enum class Phase : std::uint8_t {
        idle,
        preparing,
        positioning,
        writing,
        releasing,
        abandoning,
        stopped,
    };

    // A WAL directory beyond the number of shards: nobody writes it, and its replay start moves
    // to its end once no shard needs anything of it.
    struct Orphan {
        WalPosition start;
        WalPosition end;
        std::uint64_t shares = 0;
        std::uint64_t bytes = 0;  // Of the files that have them.
    };

    void begin(bool final) noexcept;
    void ask_all(RoundStep step, Phase phase) noexcept;
    void prepared() noexcept;
    void positioned() noexcept;
    void written() noexcept;
    void released() noexcept;
    void abandon(Error error) noexcept;
    void count_orphan_bytes() noexcept;
    void end_final(Result<void> outcome) noexcept;
    [[nodiscard]] Checkpoint assemble();
    [[nodiscard]] bool all_shards(std::atomic<bool> ShardLink::*flag) const noexcept;
    [[nodiscard]] bool any_shard(std::atomic<bool> ShardLink::*flag) const noexcept;

    EngineCore& core_;
    CheckpointWriter writer_;
    CheckpointWriteOp write_op_;
    GuardedClock guarded_clock_;
    std::map<std::uint32_t, Orphan> orphans_;
    Phase phase_ = Phase::idle;
    std::uint32_t answers_left_ = 0;
    bool final_ = false;
    Error abandoned_because_;
    MonotonicTime retry_at_{};
    std::uint64_t number_ = 0;
    std::uint64_t partitions_ = 0;
};

}  // namespace millrace::engine
