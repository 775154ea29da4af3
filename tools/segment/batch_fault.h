// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Whether one batch of a segment is sound.
#pragma once

#include "engine/format/batch_reader.h"

#include <cstdint>
#include <optional>
#include <string>

namespace millrace::segment {

// What a batch may decompress to before it is taken for a bomb.
inline constexpr std::size_t kBatchBytesMax = 1U << 30;

// Why a batch is not sound; none: it is. `records` is then how many it has. The reader is for its
// memory only.
[[nodiscard]] std::optional<std::string> fault_of(const engine::BatchView& batch,
                                                  engine::BatchReader& reader,
                                                  std::uint64_t& records);

}  // namespace millrace::segment
