// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/timestamp_bounds.h"

#include "engine/format/record.h"

#include <algorithm>
#include <limits>

namespace millrace::engine {

namespace {

constexpr TimestampMs kNone = -1;

// Latest and earliest time; neither leaves what a timestamp can be.
TimestampMs latest(const LogConfig& config, TimestampMs now) noexcept {
    TimestampMs bound = 0;
    if (__builtin_add_overflow(now, config.timestamp_after_max_ms, &bound)) {
        return std::numeric_limits<TimestampMs>::max();
    }
    return bound;
}

TimestampMs earliest(const LogConfig& config, TimestampMs now) noexcept {
    return std::max<TimestampMs>(now - std::min(config.timestamp_before_max_ms, now), 0);
}

std::optional<TimestampMs> broken_bound(TimestampMs timestamp,
                                        const LogConfig& config,
                                        TimestampMs now) noexcept {
    if (timestamp < kNone) return kNone;
    if (config.log_append_time || timestamp == kNone) return std::nullopt;
    if (timestamp > latest(config, now)) return latest(config, now);
    if (timestamp < earliest(config, now)) return earliest(config, now);
    return std::nullopt;
}

}  // namespace

bool within_bounds(const BatchCheck& check, const LogConfig& config, TimestampMs now) noexcept {
    if (config.log_append_time) return true;
    if (check.max_timestamp > latest(config, now)) return false;
    return check.min_timestamp == kNone || check.min_timestamp >= earliest(config, now);
}

std::optional<TimestampFault> find_timestamp_fault(Bytes batches,
                                                   const LogConfig& config,
                                                   TimestampMs now) noexcept {
    std::int64_t first = 0;
    while (const auto batch = BatchView::parse(batches)) {
        batches = batches.subspan(batch->size());
        const bool compressed = batch->codec() != Codec::none;
        const auto fault_of = [&](std::int64_t record, TimestampMs timestamp) {
            const auto bound = broken_bound(timestamp, config, now);
            return bound ? std::optional<TimestampFault>({record, timestamp, *bound, compressed})
                         : std::nullopt;
        };
        if (compressed) {
            if (auto fault = fault_of(first, batch->base_timestamp())) return fault;
            if (auto fault = fault_of(first, batch->max_timestamp())) return fault;
        }
        Bytes rest = batch->records();
        for (std::int32_t i = 0; i < batch->record_count() && !compressed; ++i) {
            const auto record = take_record(rest);
            TimestampMs timestamp = 0;
            if (!record || __builtin_add_overflow(
                                   batch->base_timestamp(), record->timestamp_delta, &timestamp)) {
                return std::nullopt;
            }
            if (auto fault = fault_of(first + i, timestamp)) return fault;
        }
        first += batch->record_count();
    }
    return std::nullopt;
}

}  // namespace millrace::engine
