// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Entries of a segment's two index files, byte for byte Kafka's. Big endian, no header, no
// checksum: whoever reads them checks them against the log.
#pragma once

#include "engine/types.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace millrace::engine {

inline constexpr std::size_t kOffsetEntryBytes = 8;
inline constexpr std::size_t kTimeEntryBytes = 12;

// The batch that begins at `position` ends with the record at segment base + `relative_offset`.
struct OffsetEntry {
    std::uint32_t relative_offset = 0;
    std::uint32_t position = 0;

    bool operator==(const OffsetEntry&) const = default;
};

// `timestamp` is the largest of the segment up to there; the batch that holds it ends with the
// record at segment base + `relative_offset`.
struct TimeEntry {
    TimestampMs timestamp = -1;
    std::uint32_t relative_offset = 0;

    bool operator==(const TimeEntry&) const = default;
};

// Write entries.size() times the size of an entry.
void encode_offset_entries(std::span<const OffsetEntry> entries, std::byte* to) noexcept;
void encode_time_entries(std::span<const TimeEntry> entries, std::byte* to) noexcept;

// Append the entries of an untrusted file to `to`, up to the first that does not ascend, is all
// zero (unused slots of a pre-allocated file), or is cut off.
void decode_offset_entries(Bytes file, std::vector<OffsetEntry>& to);
void decode_time_entries(Bytes file, std::vector<TimeEntry>& to);

}  // namespace millrace::engine
