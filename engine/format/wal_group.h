// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The header of a commit group: what the write-ahead log writes at once, at a block boundary.
// The only encoding of it; little endian, layout and example in docs/log_format.md.
#pragma once

#include "engine/result.h"
#include "engine/types.h"

#include <cstddef>
#include <cstdint>

namespace millrace::engine {

inline constexpr std::uint32_t kGroupHeaderBytes = 80;
inline constexpr std::uint16_t kGroupVersion = 1;

struct WalGroupHeader {
    std::uint32_t length = 0;             // Header and entries, without the padding behind them.
    std::uint32_t crc = 0;                // Over everything; the next group's chain.
    std::uint32_t chain = 0;              // CRC of the group before; 0: there is none.
    std::uint64_t run_bits = 0;           // Random, new at every start: what clients cannot guess.
    std::uint64_t previous_run_bits = 0;  // Of the run that this one followed; 0: none.
    std::uint32_t run_number = 0;
    std::uint32_t directory = 0;
    Sequence sequence = 0;
    Sequence flushed_sequence = 0;  // Highest group known flushed when this one was built.
    std::uint64_t file_number = 0;
    std::uint32_t block = 0;  // In its file.

    bool operator==(const WalGroupHeader&) const = default;
};

// Writes the header in front of the entries, which are in place, and both checksums.
// `header.crc` is ignored. Returns the group's CRC.
std::uint32_t seal_group(std::byte* group, const WalGroupHeader& header) noexcept;

// Reads a header from untrusted bytes and checks its own checksum. Says nothing about the entries,
// nor whether the group belongs where it was found. Errors: damaged_wal (no header), newer_format.
[[nodiscard]] Result<WalGroupHeader> read_group_header(Bytes bytes) noexcept;

// `group` is header.length bytes.
[[nodiscard]] bool group_crc_is_right(Bytes group, const WalGroupHeader& header) noexcept;

}  // namespace millrace::engine
