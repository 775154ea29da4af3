// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The index files beside a segment, compared with its batches while these go by.
#pragma once

#include "engine/format/index_check.h"
#include "tools/segment/segment_check.h"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace millrace::segment {

class IndexCheck {
public:
    // A missing index is none: it is made again from the log.
    explicit IndexCheck(const StoredSegment& segment);

    // The next sound batch, which begins at `position`. Findings go to `damaged`.
    void pass(const engine::BatchView& batch, std::uint64_t position, std::vector<Damage>& damaged);

    // What was damaged in the log, up to this place, cannot be compared.
    void skip_to(std::uint64_t position, engine::Offset offset) noexcept {
        check_.skip_to(position, offset);
    }

    // The log's sound part has ended. What is left of a sealed segment's indexes is wrong.
    void end(std::vector<Damage>& damaged);

    [[nodiscard]] const std::vector<engine::OffsetEntry>& offsets() const noexcept {
        return check_.offsets();
    }

    [[nodiscard]] const std::vector<engine::TimeEntry>& times() const noexcept {
        return check_.times();
    }

private:
    void take_faults(std::vector<Damage>& damaged);

    std::filesystem::path offset_file_;
    std::filesystem::path time_file_;
    engine::IndexCheck check_;
    std::vector<engine::IndexFault> faults_;
};

}  // namespace millrace::segment
