// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Looks at the free space of the data directory while a shard appends, so that appends are refused
// while what is in the WAL can still be moved to segments.
//
// Lifecycle:   dies with its shard, when idle.
// Thread:      its shard's.
#pragma once

#include "engine/clock.h"
#include "engine/engine.h"
#include "engine/storage.h"

#include <cstdint>

namespace millrace::engine {

class FreeSpaceListener {
public:
    virtual ~FreeSpaceListener() = default;
    // A look has ended. full() is its answer.
    virtual void free_space_seen() noexcept = 0;

protected:
    FreeSpaceListener() = default;
    FreeSpaceListener(const FreeSpaceListener&) = default;
    FreeSpaceListener& operator=(const FreeSpaceListener&) = default;
};

class FreeSpaceWatch {
public:
    FreeSpaceWatch(const EngineOptions& options, Storage& storage, FreeSpaceListener& listener);
    ~FreeSpaceWatch();
    FreeSpaceWatch(const FreeSpaceWatch&) = delete;
    FreeSpaceWatch& operator=(const FreeSpaceWatch&) = delete;

    // Looks now. `live_bytes`: WAL of all shards that segments do not hold yet.
    void look(MonotonicTime now, std::uint64_t live_bytes) noexcept;

    // Looks if a second has gone by and there is a reason to: appends since, or a full disk.
    void end_turn(MonotonicTime now,
                  std::uint64_t appended_bytes,
                  std::uint64_t live_bytes) noexcept;

    [[nodiscard]] MonotonicTime next_deadline() const noexcept;

    [[nodiscard]] bool full() const noexcept { return full_; }

    [[nodiscard]] bool idle() const noexcept { return !busy_; }

    // Of the last look.
    [[nodiscard]] std::uint64_t free_bytes() const noexcept { return free_bytes_; }

    // Below it appends are refused.
    [[nodiscard]] std::uint64_t free_bytes_min() const noexcept { return free_bytes_min_; }

private:
    void seen() noexcept;

    const EngineOptions& options_;
    Storage& storage_;
    FreeSpaceListener& listener_;
    FileOp op_;
    bool busy_ = false;
    bool full_ = false;
    bool appended_ = false;
    std::uint64_t appended_bytes_ = 0;
    std::uint64_t free_bytes_ = 0;
    std::uint64_t free_bytes_min_ = 0;
    MonotonicTime next_look_{};
};

}  // namespace millrace::engine
