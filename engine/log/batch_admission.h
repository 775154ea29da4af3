// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The checks of an append and what a broker writes into batches: base offset, leader epoch,
// LogAppendTime, a corrected maxTimestamp.
#pragma once

#include "engine/log.h"

#include <cstdint>

namespace millrace::engine {

// What batches get, and what was found of them.
struct Admission {
    // In.
    Offset base;
    LeaderEpoch epoch = 0;
    TimestampMs now = -1;              // Wall clock.
    TimestampMs append_time_min = -1;  // LogAppendTime of the log never goes back.
    // Out.
    Offset end{};
    std::uint32_t batches = 0;
    TimestampMs largest_timestamp = -1;
    TimestampMs append_time = -1;  // -1: the producer's times stand.
};

// Lengths only: whole batches one behind the other, none over the limits.
// Errors: corrupt_batch, unsupported_batch (one with a producer id does not come alone),
// batch_too_large.
[[nodiscard]] Result<void> check_sizes(Bytes batches, const LogConfig& config) noexcept;

// Requires: check_sizes() has found nothing.
[[nodiscard]] bool has_producer(Bytes batches) noexcept;

// Everything else, and nothing is written. How many records there are. Errors: as check_batch, and
// invalid_timestamp.
[[nodiscard]] Result<std::int64_t> check_contents(Bytes batches,
                                                  const LogConfig& config,
                                                  TimestampMs now) noexcept;

// Checks the batches where they lie and makes them the log's. After an error they are worthless.
[[nodiscard]] Result<void> admit_batches(MutableBytes batches,
                                         const LogConfig& config,
                                         Admission& admission) noexcept;

}  // namespace millrace::engine
