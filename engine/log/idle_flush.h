// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Gives memory back once nothing comes in any more: what only the WAL holds goes to segment files,
// a checkpoint round releases it, and the tails let go of it. The flusher alone follows what comes
// in and would leave a quarter of the WAL in memory, to be replayed at every start.
//
// Thread:      the shard's.
#pragma once

#include "engine/log/checkpoint_round.h"
#include "engine/log/flusher.h"
#include "engine/log/log_table.h"
#include "engine/log/release_counts.h"

#include <cstdint>

namespace millrace::engine {

class IdleFlush {
public:
    IdleFlush(LogContext& context,
              LogTable& logs,
              Flusher& flusher,
              const ReleaseCounts& releases,
              const CheckpointRound& round);

    // Once per loop turn, before the flusher's.
    void end_turn() noexcept;

    // A round would release all that was stored.
    [[nodiscard]] bool wants_round() const noexcept;

    [[nodiscard]] MonotonicTime next_deadline() const noexcept;

private:
    enum class Stage : std::uint8_t { waiting, storing, releasing, done };

    void let_go() noexcept;

    LogContext& context_;
    LogTable& logs_;
    Flusher& flusher_;
    const ReleaseCounts& releases_;
    const CheckpointRound& round_;
    Stage stage_ = Stage::waiting;
    std::uint64_t appended_before_;
    MonotonicTime idle_at_;
};

}  // namespace millrace::engine
