// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Looks at bytes that come from a segment file and decides where batches are and which are right.
// Nothing here trusts a byte; a right batch is told from chance by its place and its checksum.
#pragma once

#include "engine/format/record_batch.h"

#include <cstdint>

namespace millrace::engine {

// No batch is larger: a log's limit is a quarter of a WAL file of at most 64 MiB.
inline constexpr std::uint32_t kScannedBatchBytesMax = 32 * 1024 * 1024;

// What a stretch of a segment can hold.
struct ScanBounds {
    Offset expected;               // No batch begins below it.
    Offset end;                    // None ends above it.
    std::uint64_t bytes_left = 0;  // Of the segment, from the front of the stretch on.
};

enum class BatchLook : std::uint8_t {
    whole,  // Header plausible and all of it there; its checksum is not looked at.
    cut,    // Plausible so far; the stretch ends inside it.
    damaged,
};

struct LookedAt {
    BatchLook look = BatchLook::damaged;
    std::uint32_t size = 0;  // Of the batch; 0: its header is not all there.
};

// The batch at the front of `bytes`.
[[nodiscard]] LookedAt look_at_batch(Bytes bytes, const ScanBounds& bounds) noexcept;

// The batch at the front of `bytes` is damaged. Where to look next: the first position behind it
// with a right batch, or with one that is plausible but cut; the end when there is none.
[[nodiscard]] std::uint64_t bytes_to_skip(Bytes bytes, const ScanBounds& bounds) noexcept;

// How many bytes at the end of `bytes` are right batches whose last record is `end` - 1; stops
// when `enough` are. `bytes` may begin inside a batch.
[[nodiscard]] std::uint64_t right_bytes_at_end(Bytes bytes,
                                               Offset end,
                                               std::uint64_t enough) noexcept;

}  // namespace millrace::engine
