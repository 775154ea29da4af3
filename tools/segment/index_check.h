// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A segment's two indexes, compared with its batches while these go by.
#pragma once

#include "engine/format/index_entry.h"
#include "engine/format/record_batch.h"
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
    void skip_to(std::uint64_t position, engine::Offset offset) noexcept;

    // The log's sound part has ended. What is left of a sealed segment's indexes is wrong.
    void end(std::vector<Damage>& damaged);

    [[nodiscard]] const std::vector<engine::OffsetEntry>& offsets() const noexcept {
        return offsets_;
    }

    [[nodiscard]] const std::vector<engine::TimeEntry>& times() const noexcept { return times_; }

private:
    void pass_offset(const engine::BatchView& batch,
                     std::uint64_t position,
                     std::vector<Damage>& damaged);
    void pass_time(const engine::BatchView& batch, std::vector<Damage>& damaged);
    [[nodiscard]] Damage offset_damage(std::string reason) const;
    [[nodiscard]] Damage time_damage(std::string reason) const;

    std::filesystem::path offset_file_;
    std::filesystem::path time_file_;
    engine::Offset base_;
    bool sealed_;
    std::vector<engine::OffsetEntry> offsets_;
    std::vector<engine::TimeEntry> times_;
    std::uint64_t offset_rest_ = 0;  // Bytes of the files that hold no entry.
    std::uint64_t time_rest_ = 0;
    std::size_t next_offset_ = 0;
    std::size_t next_time_ = 0;
    engine::TimestampMs largest_ = -1;
};

}  // namespace millrace::segment
