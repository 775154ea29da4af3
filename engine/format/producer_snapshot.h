// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A partition's producers as a file: Kafka's snapshot format, version 1. Big endian.
//
// A producer may have several rows, one for each of its last batches, the oldest first. Whoever
// wants the last batch alone, as Kafka does, takes the last row of each producer.
#pragma once

#include "engine/types.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace millrace::engine {

// Of one partition, and batches of each that are known again.
inline constexpr std::size_t kProducersMax = 10'000;
inline constexpr std::size_t kProducerBatches = 5;

struct ProducerSnapshotRow {
    std::int64_t producer_id = 0;
    std::int16_t epoch = 0;
    std::int32_t last_sequence = 0;
    Offset last_offset;
    std::int32_t offset_delta = 0;  // Last offset less first.
    TimestampMs timestamp = -1;     // Of the append.

    bool operator==(const ProducerSnapshotRow&) const = default;
};

[[nodiscard]] std::size_t producer_snapshot_bytes(std::size_t rows) noexcept;

// No file that this version writes is longer.
[[nodiscard]] std::size_t producer_snapshot_bytes_max() noexcept;

// Writes producer_snapshot_bytes(rows.size()).
void encode_producer_snapshot(std::span<const ProducerSnapshotRow> rows, std::byte* to) noexcept;

// An untrusted file. None: version, length or checksum is wrong, a field is impossible, or a row
// lies at or above `end`, where the snapshot was taken. Rows of markers, which say nothing of
// sequences, are left out.
[[nodiscard]] std::optional<std::vector<ProducerSnapshotRow>> decode_producer_snapshot(Bytes file,
                                                                                       Offset end);

}  // namespace millrace::engine
