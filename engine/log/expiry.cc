// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/expiry.h"

#include <algorithm>

namespace millrace::engine {

namespace {

// What a sealed segment's age counts from: without timestamps, from when it was rolled, or from
// when it was begun if that is not known. -1: not known either.
TimestampMs age_from(const LogState& log, std::size_t index) noexcept {
    const auto& segment = log.segments.at(index);
    if (segment.largest_timestamp >= 0) return segment.largest_timestamp;
    const auto after = index + 1;
    const auto rolled = after < log.segments.size() ? log.segments.at(after).created : -1;
    return std::max(segment.created, rolled);
}

// Largest timestamp of what is not sealed, and of what only the WAL holds.
TimestampMs largest_of_rest(const LogState& log, std::size_t index) noexcept {
    TimestampMs largest = -1;
    for (; index < log.segments.size(); ++index)
        largest = std::max(largest, log.segments.at(index).largest_timestamp);
    for (auto number = log.tail.stored(); number < log.tail.end(); ++number)
        largest = std::max(largest, log.tail.at(number).largest_timestamp);
    return largest;
}

Offset expired_by_time(const LogState& log, TimestampMs now, Offset visible_end) noexcept {
    const auto too_old = [&](TimestampMs timestamp) {
        return timestamp >= 0 && timestamp < now && now - timestamp > log.config.retention_ms;
    };
    auto end = log.log_start;
    for (std::size_t i = 0; i < log.segments.size(); ++i) {
        const auto& segment = log.segments.at(i);
        if (!segment.sealed) {
            const bool all = visible_end == log.log_end && too_old(largest_of_rest(log, i));
            return all ? log.log_end : end;
        }
        if (segment.planned_end > visible_end || !too_old(age_from(log, i))) return end;
        end = std::max(end, segment.planned_end);
    }
    return end;
}

Offset expired_by_size(const LogState& log, Offset visible_end) noexcept {
    const auto keep = static_cast<std::uint64_t>(log.config.retention_bytes);
    auto excess = log.size_bytes > keep ? log.size_bytes - keep : 0;
    auto end = log.log_start;
    for (std::size_t i = 0; i < log.segments.size(); ++i) {
        const auto& segment = log.segments.at(i);
        const bool goes = segment.sealed && segment.planned_bytes <= excess &&
                          segment.planned_end <= visible_end;
        if (!goes) break;
        excess -= segment.planned_bytes;
        end = std::max(end, segment.planned_end);
    }
    return end;
}

}  // namespace

Offset expired_end(const LogState& log, TimestampMs now, Offset visible_end) noexcept {
    auto end = log.log_start;
    if (!log.config.expires) return end;
    if (log.config.retention_ms >= 0) end = std::max(end, expired_by_time(log, now, visible_end));
    if (log.config.retention_bytes >= 0) {
        end = std::max(end, expired_by_size(log, visible_end));
    }
    return end;
}

}  // namespace millrace::engine
