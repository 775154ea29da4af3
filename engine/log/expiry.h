// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Which segments of a log its retention no longer keeps: Kafka's rules. Oldest first, whole ones
// only: by the largest timestamp of a segment, and as long as retention.bytes remain. The last
// segment goes only when all that is in the log is too old.
#pragma once

#include "engine/log/log_state.h"

namespace millrace::engine {

// Where the log would begin without them; its start when all are kept. Never above `visible_end`.
[[nodiscard]] Offset expired_end(const LogState& log, TimestampMs now, Offset visible_end) noexcept;

}  // namespace millrace::engine
