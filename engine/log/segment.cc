// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/segment.h"

#include "engine/base/planted_bugs.h"
#include "engine/units.h"

namespace millrace::engine {

namespace {

std::uint64_t stored_bytes(const SegmentRow& row) noexcept {
    const bool at_file_end = bug_planted(PlantedBug::append_at_file_end) && !row.sealed;
    return at_file_end ? round_up(row.bytes, kBlockBytes) : row.bytes;
}

}  // namespace

Segment::Segment(const SegmentRow& row)
        : base(row.base),
          planned_end(row.base),
          planned_bytes(stored_bytes(row)),
          first_timestamp(row.first_timestamp),
          bytes(stored_bytes(row)),
          largest_timestamp(row.largest_timestamp),
          largest_timestamp_offset(row.largest_timestamp_offset),
          sealed(row.sealed),
          has_holes(row.has_holes),
          clean(row.clean),
          swapping(row.swapping),
          has_file(true),
          file_bytes(stored_bytes(row)),
          index_trusted_bytes(row.bytes) {}

SegmentRow Segment::row() const noexcept {
    return {.base = base,
            .bytes = bytes,
            .first_timestamp = first_timestamp,
            .largest_timestamp = largest_timestamp,
            .largest_timestamp_offset = largest_timestamp_offset,
            .sealed = sealed,
            .has_holes = has_holes,
            .clean = clean,
            .swapping = swapping};
}

FilePath Segment::path(std::string_view directory, std::string_view suffix) const noexcept {
    auto path = segment_path(directory, base, suffix);
    if (swapping) path.append(kSwapSuffix);
    return path;
}

void Segment::note_stored(Offset last_offset, std::uint32_t size, TimestampMs timestamp) noexcept {
    bytes += size;
    if (timestamp <= largest_timestamp) return;
    largest_timestamp = timestamp;
    largest_timestamp_offset = last_offset;
}

}  // namespace millrace::engine
