// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A checkpoint as the bytes of one slot: header with magic, version, length and CRC-32C, then the
// rows; padded to whole blocks. Little endian; layout in docs/log_format.md.
#pragma once

#include "engine/format/checkpoint.h"
#include "engine/result.h"
#include "engine/types.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::engine {

inline constexpr std::uint32_t kCheckpointVersion = 1;

// Names of the two slots, below the data directory.
inline constexpr std::array<std::string_view, 2> kCheckpointSlots{"checkpoint.a", "checkpoint.b"};

// Appends to `to`, which the caller clears.
void encode_checkpoint(const Checkpoint& checkpoint, std::vector<std::byte>& to);

// Reads an untrusted slot; memory grows with what is there, never with what it claims.
// Errors: damaged_wal (not a whole, valid checkpoint), newer_format.
[[nodiscard]] Result<Checkpoint> decode_checkpoint(Bytes bytes);

}  // namespace millrace::engine
