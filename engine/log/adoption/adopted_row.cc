// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/adoption/adopted_row.h"

#include <cstdint>
#include <limits>

namespace millrace::engine {

namespace {

// Room for whatever is appended later.
constexpr std::int64_t kOffsetMax = std::numeric_limits<std::int64_t>::max() / 2;
// Of the positions and relative offsets in an index (record-format of Kafka: 32 bits, signed).
constexpr std::int64_t kInSegmentMax = std::numeric_limits<std::int32_t>::max();

std::string fault_of_segment(const SegmentRow& segment, Offset end, bool last) {
    if (segment.base >= end) return "its segments are not in order";
    if (end - segment.base > kInSegmentMax) return "a segment has more offsets than an index";
    if (segment.bytes == 0 || segment.bytes > static_cast<std::uint64_t>(kInSegmentMax)) {
        return "a segment is empty or larger than an index";
    }
    if (!segment.sealed && !last) return "a segment before the last is not sealed";
    if (segment.swapping) return "a segment is being replaced";
    if (segment.largest_timestamp_offset >= end)
        return "a largest timestamp lies behind its segment";
    return {};
}

std::string fault_of_epochs(const PartitionRow& row) {
    Offset start{-1};
    LeaderEpoch epoch = -1;
    for (const auto& each : row.epochs) {
        if (each.epoch <= epoch || each.start < start || each.start > row.flushed_offset) {
            return "its leader epochs are not in order";
        }
        epoch = each.epoch;
        start = each.start;
    }
    // Runs to come take higher ones.
    if (epoch == std::numeric_limits<LeaderEpoch>::max()) return "its leader epoch is the last";
    return {};
}

}  // namespace

std::string fault_of_row(const PartitionRow& row) {
    if (row.log_start < Offset(0) || row.log_start > row.flushed_offset ||
        row.flushed_offset > Offset(kOffsetMax)) {
        return "its offsets are not in order";
    }
    if (row.segments.empty() && row.log_start != row.flushed_offset) return "it has no segments";
    if (!row.segments.empty() &&
        (row.segments.front().base < Offset(0) || row.segments.front().base > row.log_start)) {
        return "its first segment does not hold where it starts";
    }
    for (std::size_t i = 0; i < row.segments.size(); ++i) {
        const bool last = i + 1 == row.segments.size();
        const auto end = last ? row.flushed_offset : row.segments[i + 1].base;
        if (auto fault = fault_of_segment(row.segments[i], end, last); !fault.empty()) return fault;
    }
    return fault_of_epochs(row);
}

}  // namespace millrace::engine
