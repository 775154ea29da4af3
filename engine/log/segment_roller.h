// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// In which segment a batch lies: Kafka's rules by size, time and range of offsets. Decided at
// append, and again at replay from what the checkpoint and the tail say.
#pragma once

#include "engine/log.h"
#include "engine/log/segment_set.h"

#include <cstdint>

namespace millrace::engine {

struct PlacedBatch {
    Offset base;
    Offset last;
    std::uint32_t size = 0;
    TimestampMs largest_timestamp = -1;
};

// segment.bytes as far as Kafka's index format reaches.
[[nodiscard]] std::uint64_t segment_bytes_max(const LogConfig& config) noexcept;

// True when `batch` does not go into `active`, the log's last segment.
[[nodiscard]] bool must_roll(const Segment& active,
                             const PlacedBatch& batch,
                             const LogConfig& config,
                             TimestampMs now) noexcept;

// Gives the batch its segment, the last one or a new one. True when a segment was rolled.
bool place_batch(SegmentSet& segments,
                 const PlacedBatch& batch,
                 const LogConfig& config,
                 TimestampMs now);

}  // namespace millrace::engine
