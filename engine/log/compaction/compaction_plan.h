// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Which segments of a log may be compacted, whether it is time, and which become one.
#pragma once

#include "engine/log/log_state.h"

#include <cstdint>
#include <vector>

namespace millrace::engine {

// Sealed segments that readers see whole, without those that are too young.
struct CompactionRange {
    std::size_t first = 0;  // Those before it lie below the log start.
    std::size_t end = 0;
    Offset dirty_from;  // What lies below it was compacted before.
    Offset dirty_end;
    std::uint64_t clean_bytes = 0;
    std::uint64_t dirty_bytes = 0;
    TimestampMs dirty_since = -1;  // Of the first batch of its first dirty segment.

    [[nodiscard]] bool empty() const noexcept { return first == end; }

    [[nodiscard]] bool has_dirty() const noexcept { return dirty_from < dirty_end; }

    // Requires: not empty.
    [[nodiscard]] double dirty_ratio() const noexcept {
        return static_cast<double>(dirty_bytes) / static_cast<double>(clean_bytes + dirty_bytes);
    }
};

[[nodiscard]] CompactionRange compaction_range(const LogState& log,
                                               Offset visible_end,
                                               TimestampMs now) noexcept;

// The log's settings want what is dirty to be compacted now.
[[nodiscard]] bool compaction_is_due(const LogState& log,
                                     const CompactionRange& range,
                                     TimestampMs now) noexcept;

// Neighbours that become one segment, by their sizes before: [first, end) of the log's segments.
struct CompactionGroup {
    std::size_t first = 0;
    std::size_t end = 0;
};

[[nodiscard]] std::vector<CompactionGroup> compaction_groups(const LogState& log,
                                                             std::size_t first,
                                                             std::size_t end);

}  // namespace millrace::engine
