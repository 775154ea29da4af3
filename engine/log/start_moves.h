// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Moves log starts up: first an entry of the WAL, flushed; then readers find the new start, and the
// segments below it go. When everything goes, the last segment is rolled, so that it goes too.
//
// Thread:      the shard's.
// Durability:  nothing is unlinked, and no reader refused, before the entry is flushed.
#pragma once

#include "engine/log/release_counts.h"
#include "engine/log/segment_removals.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::engine {

class Flusher;
class StartMoves;

// One move; pooled.
class StartMove final : public WalSink {
public:
    explicit StartMove(StartMoves& owner);

    void start(LogState& log, DeleteOp& op, Offset visible_end) noexcept;

    void entry_written(Offset /*end*/) noexcept override {}

    void entry_flushed(Offset end) noexcept override;
    void give_up(Error error) noexcept;

    [[nodiscard]] const LogState* log() const noexcept { return log_; }

    StartMove* next = nullptr;  // The pool's.

private:
    [[nodiscard]] Result<void> write_entry() noexcept;
    void count_segments() noexcept;
    void finish() noexcept;

    StartMoves& owner_;
    LogState* log_ = nullptr;  // Null: idle.
    DeleteOp* op_ = nullptr;
    Deferred finish_;
    bool ends_with_turn_ = false;  // There is nothing to wait for.
};

class StartMoves {
public:
    StartMoves(LogContext& context,
               Flusher& flusher,
               ReleaseCounts& releases,
               SegmentRemovals& removals);

    void start(LogState& log, DeleteOp& op, Offset visible_end);

    // The log's start is durable: what its segments and epochs hold below it is no more. Also for
    // a log that was just recovered.
    void apply(LogState& log) noexcept;

    // Moves of this log end with the error.
    void forget(LogState& log, Error error) noexcept;
    void fail(Error error) noexcept;

private:
    friend class StartMove;

    LogContext& context_;
    Flusher& flusher_;
    ReleaseCounts& releases_;
    SegmentRemovals& removals_;
    std::vector<std::unique_ptr<StartMove>> moves_;
    StartMove* free_ = nullptr;
};

}  // namespace millrace::engine
