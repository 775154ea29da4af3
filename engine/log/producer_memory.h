// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Which logs have their producers in memory. Those of the least recently used logs are dropped
// beyond a number of bytes: their snapshots, and the batches behind them, give them back.
#pragma once

#include "engine/log/log_state.h"

#include <cstdint>

namespace millrace::engine {

// Thread: the shard's.
class ProducerMemory {
public:
    explicit ProducerMemory(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

    // The log is the most recently used one now. Requires: it has a table.
    void use(LogState& log) noexcept;

    // Its table has grown: others may have to go. Those with pins stay.
    void note_growth(LogState& log) noexcept;

    // Nothing happens when it has no table.
    void drop(LogState& log) noexcept;

private:
    void link(LogState& log) noexcept;
    void unlink(LogState& log) noexcept;

    std::uint64_t bytes_max_;
    std::uint64_t bytes_ = 0;
    LogState* oldest_ = nullptr;
    LogState* newest_ = nullptr;
};

}  // namespace millrace::engine
