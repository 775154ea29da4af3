// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The last partial blocks of the most recently flushed logs, so that going on with a file needs no
// read. One block each; the least recently used one is given up when there are too many.
#pragma once

#include "engine/log/log_state.h"

#include <cstdint>

namespace millrace::engine {

// Thread: the shard's.
class LastBlocks {
public:
    explicit LastBlocks(std::uint32_t blocks_max) : blocks_max_(blocks_max) {}

    // `buffer` holds the block in which the stored bytes of the log end.
    void put(LogState& log, BufferRef buffer) noexcept;

    // The log is going on with it, or has no partial block, or dies. Null: not in memory.
    [[nodiscard]] BufferRef take(LogState& log) noexcept;

private:
    void unlink(LogState& log) noexcept;

    std::uint32_t blocks_max_;
    std::uint32_t count_ = 0;
    LogState* oldest_ = nullptr;
    LogState* newest_ = nullptr;
};

}  // namespace millrace::engine
