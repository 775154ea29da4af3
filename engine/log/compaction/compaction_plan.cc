// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/compaction/compaction_plan.h"

#include "engine/log/segment_roller.h"

#include <algorithm>
#include <limits>

namespace millrace::engine {

namespace {

bool is_too_young(const Segment& segment, const LogConfig& config, TimestampMs now) noexcept {
    if (config.compaction_lag_min_ms <= 0) return false;
    const auto youngest = std::max(segment.largest_timestamp, segment.created);
    return youngest > now || now - youngest < config.compaction_lag_min_ms;
}

}  // namespace

CompactionRange compaction_range(const LogState& log,
                                 Offset visible_end,
                                 TimestampMs now) noexcept {
    CompactionRange range;
    const auto& segments = log.segments;
    while (range.first < segments.size() && segments.at(range.first).sealed &&
           segments.at(range.first).planned_end <= log.log_start) {
        ++range.first;
    }
    const auto limit = std::min({visible_end, log.flushed_end, log.stored_end});
    bool clean = true;
    range.end = range.first;
    for (; range.end < segments.size(); ++range.end) {
        const auto& segment = segments.at(range.end);
        if (!segment.sealed || segment.bytes == 0 || segment.planned_end > limit) break;
        if (is_too_young(segment, log.config, now)) break;
        if (clean && !segment.clean) {
            clean = false;
            range.dirty_from = std::max(segment.base, log.compaction().dirty_from);
            range.dirty_since =
                    segment.first_timestamp >= 0 ? segment.first_timestamp : segment.created;
        }
        (clean ? range.clean_bytes : range.dirty_bytes) += segment.bytes;
        range.dirty_end = segment.planned_end;
    }
    if (clean) range.dirty_from = range.dirty_end;
    return range;
}

bool compaction_is_due(const LogState& log,
                       const CompactionRange& range,
                       TimestampMs now) noexcept {
    if (range.empty() || !range.has_dirty()) return false;
    if (range.dirty_ratio() >= log.config.dirty_ratio_min) return true;
    return range.dirty_since >= 0 && range.dirty_since < now &&
           now - range.dirty_since > log.config.compaction_lag_max_ms;
}

std::vector<CompactionGroup> compaction_groups(const LogState& log,
                                               std::size_t first,
                                               std::size_t end) {
    constexpr std::int64_t kOffsetsMax = std::numeric_limits<std::int32_t>::max();
    std::vector<CompactionGroup> groups;
    std::uint64_t bytes = 0;
    for (auto index = first; index < end; ++index) {
        const auto& segment = log.segments.at(index);
        const bool fits =
                !groups.empty() && bytes + segment.bytes <= segment_bytes_max(log.config) &&
                segment.planned_end - log.segments.at(groups.back().first).base <= kOffsetsMax;
        if (!fits) {
            groups.push_back({index, index});
            bytes = 0;
        }
        groups.back().end = index + 1;
        bytes += segment.bytes;
    }
    return groups;
}

}  // namespace millrace::engine
