// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What of a segment is sound: every batch's lengths, checksum, order and records, and every index
// entry against the batch that it names.
#pragma once

#include "tools/segment/stored_segments.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace millrace::segment {

struct Damage {
    std::filesystem::path file;          // The segment or one of its indexes.
    engine::Offset first;                // Records that are, or may be, lost ...
    std::optional<engine::Offset> last;  // ... up to here; none: nobody knows how many.
    std::uint64_t position = 0;          // In the file: it is sound up to here.
    std::string reason;
};

struct SegmentCheck {
    std::uint64_t batches = 0;  // Sound ones, and their records.
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    std::vector<Damage> damaged;
};

// Reads the whole segment. A damaged batch is passed over where the next one can be found, by its
// length or by the offset index.
[[nodiscard]] SegmentCheck check_segment(const StoredSegment& segment);

}  // namespace millrace::segment
