// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// How far from the broker's clock a producer's timestamps may lie.
#pragma once

#include "engine/format/batch_check.h"
#include "engine/log.h"

namespace millrace::engine {

// Of a batch that check_batch() has found right. A record without a timestamp (-1) is within any
// bound, and so is everything where the broker stamps records itself.
[[nodiscard]] bool within_bounds(const BatchCheck& check,
                                 const LogConfig& config,
                                 TimestampMs now) noexcept;

// The first record that invalid_timestamp is about. Of a compressed batch, which is not opened,
// the times in its header stand for its records. Nothing: it is about no single record.
// Requires: whole batches.
[[nodiscard]] std::optional<TimestampFault> find_timestamp_fault(Bytes batches,
                                                                 const LogConfig& config,
                                                                 TimestampMs now) noexcept;

}  // namespace millrace::engine
