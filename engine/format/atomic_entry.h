// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Payload of a WAL entry of kind `atomic`: batches of several partitions that go into their logs
// together or not at all. Little endian; layout in docs/log_format.md.
#pragma once

#include "engine/atomic_append.h"
#include "engine/result.h"
#include "engine/types.h"

#include <cstdint>
#include <vector>

namespace millrace::engine {

inline constexpr std::uint32_t kAtomicHeadBytes = 8;
inline constexpr std::uint32_t kAtomicRowBytes = 24;

// What stands in front of the batches of that many partitions.
[[nodiscard]] constexpr std::uint32_t atomic_table_bytes(std::size_t parts) noexcept {
    return kAtomicHeadBytes + static_cast<std::uint32_t>(parts) * kAtomicRowBytes;
}

void store_atomic_head(std::byte* payload, std::uint32_t parts) noexcept;

// Row `index`: the partition and how many bytes of batches belong to it.
void store_atomic_row(std::byte* payload,
                      std::uint32_t index,
                      const PartitionKey& key,
                      std::uint32_t bytes) noexcept;

struct AtomicPartView {
    PartitionKey key;
    Bytes batches;
};

// Reads an entry of a group whose checksum is right; of the batches only their place is known.
// Errors: damaged_wal (counts and lengths), newer_format.
[[nodiscard]] Result<std::vector<AtomicPartView>> read_atomic_entry(Bytes payload);

}  // namespace millrace::engine
