// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The check of a batch before it is appended. Order and meaning of the checks are Kafka's for a
// client's append, with one difference: a compressed batch is not opened.
#pragma once

#include "engine/format/record_batch.h"
#include "engine/result.h"
#include "engine/types.h"

#include <cstdint>

namespace millrace::engine {

struct BatchCheck {
    std::uint32_t size = 0;          // Of the whole batch.
    std::int32_t record_count = 0;   // Also last offset delta + 1.
    TimestampMs max_timestamp = -1;  // The right one, whatever the header says.
    // The smallest that is not -1; -1: there is none. Of a compressed batch its first record's.
    TimestampMs min_timestamp = -1;
    bool max_timestamp_is_wrong = false;  // Of an uncompressed batch: to be corrected.
};

// The batch at the front of untrusted `bytes`, which may hold more. Uncompressed: every record is
// walked (lengths, offset deltas 0, 1, 2..., count, exact end). Compressed: count and codec only;
// whoever opens it later does so with bounded output.
// Errors: corrupt_batch; unsupported_batch (magic, codec, control, transactional);
// invalid_timestamp (below -1, which stands for none; or claims to have the broker's time).
[[nodiscard]] Result<BatchCheck> check_batch(Bytes bytes) noexcept;

}  // namespace millrace::engine
