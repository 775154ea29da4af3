// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Takes the folder of a removed log away: renamed to trash/, both parents synced; then its name is
// free. What is in it goes in the background.
#pragma once

#include "engine/log/log_state.h"
#include "engine/log/trash.h"

#include <cstdint>
#include <string>

namespace millrace::engine {

// Thread: the shard's. One per removal; ended() answers true when it may be destroyed.
class FolderRemoval : public FileSteps<FolderRemoval> {
public:
    // Waits until nothing else works with the log.
    FolderRemoval(LogContext& context, Trash& trash, LogState& log, EngineOp& op);

    // Begins when it may. Once per loop turn.
    void end_turn() noexcept;

    [[nodiscard]] bool ended() const noexcept { return op_ == nullptr; }

    [[nodiscard]] MonotonicTime next_deadline() const noexcept { return begin_at_; }

private:
    friend class FileSteps<FolderRemoval>;

    void trash_made() noexcept;
    void move() noexcept;
    void moved() noexcept;
    void topics_synced() noexcept;
    void trash_synced() noexcept;
    void try_later() noexcept;
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    Trash& trash_;
    LogState* log_;
    PartitionKey key_;
    std::string directory_;
    EngineOp* op_;
    std::uint32_t attempt_ = 0;
    MonotonicTime begin_at_ = MonotonicTime::max();  // Tried again then; max(): not waiting.
    bool begun_ = false;
};

}  // namespace millrace::engine
