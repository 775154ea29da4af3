// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/segment_roller.h"

#include <algorithm>
#include <limits>

namespace millrace::engine {

namespace {

// Kafka's index entries hold offsets and positions as signed 32-bit numbers.
constexpr std::int64_t kRangeMax = std::numeric_limits<std::int32_t>::max();

}  // namespace

std::uint64_t segment_bytes_max(const LogConfig& config) noexcept {
    return std::min<std::uint64_t>(config.segment_bytes, kRangeMax);
}

bool must_roll(const Segment& active,
               const PlacedBatch& batch,
               const LogConfig& config,
               TimestampMs now) noexcept {
    if (active.sealed) return true;
    if (batch.last - active.base > kRangeMax) return true;
    if (active.planned_bytes == 0) return false;
    if (active.planned_bytes + batch.size > segment_bytes_max(config)) return true;
    // What has to be compacted by then must not lie in the active segment.
    const auto age_max = config.compacts ? std::min(config.segment_ms, config.compaction_lag_max_ms)
                                         : config.segment_ms;
    if (active.first_timestamp >= 0) {
        return batch.largest_timestamp > active.first_timestamp &&
               batch.largest_timestamp - active.first_timestamp > age_max;
    }
    return now - active.created > age_max;
}

bool place_batch(SegmentSet& segments,
                 const PlacedBatch& batch,
                 const LogConfig& config,
                 TimestampMs now) {
    const bool rolled = !segments.empty() && must_roll(segments.last(), batch, config, now);
    auto& segment = segments.empty() || rolled ? segments.plan(batch.base) : segments.last();
    if (segment.planned_bytes == 0) segment.first_timestamp = batch.largest_timestamp;
    if (segment.created < 0) segment.created = now;
    segment.planned_bytes += batch.size;
    segment.planned_end = batch.last + 1;
    return rolled;
}

}  // namespace millrace::engine
