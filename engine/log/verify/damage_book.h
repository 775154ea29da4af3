// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The damaged ranges of a shard that are known: each is told to the log of events when it becomes
// known, and forgotten when its segment is verified again, or is gone.
//
// Thread:      the shard's.
// Bounds:      kKnownMax; what is found beyond it is told, and not remembered.
#pragma once

#include "engine/log/log_context.h"
#include "engine/log/log_state.h"

#include <vector>

namespace millrace::engine {

class DamageBook {
public:
    static constexpr std::size_t kKnownMax = 4096;

    explicit DamageBook(LogContext& context) : context_(context) {}

    // These, and no others, are damaged in the log's segments from one offset to below another.
    void replace(const LogState& log,
                 Offset from,
                 Offset end,
                 const std::vector<DamagedRange>& damaged) noexcept;

    // Below the log start nothing is damaged, nor in segments that the log no longer has.
    void drop_gone(LogState& log) noexcept;
    void forget(const LogState& log) noexcept;

    [[nodiscard]] bool empty() const noexcept { return known_.empty(); }

    // Of each log once.
    [[nodiscard]] std::vector<PartitionKey> logs() const;

private:
    struct Known {
        PartitionKey key;
        DamagedRange range;
    };

    void report(const LogState& log, const DamagedRange& range) noexcept;

    LogContext& context_;
    std::vector<Known> known_;
};

}  // namespace millrace::engine
