// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Record batches laid end to end, seen from outside: lengths only. Their contents are the log's
// to check.
#pragma once

#include "engine/types.h"

#include <cstdint>

namespace millrace::broker {

// True when `bytes` is one or more whole batches, by their own lengths, and nothing else.
[[nodiscard]] bool holds_whole_batches(engine::Bytes bytes) noexcept;

// Whole size of the largest batch. Requires: holds_whole_batches(bytes).
[[nodiscard]] std::uint32_t largest_batch_bytes(engine::Bytes bytes) noexcept;

}  // namespace millrace::broker
