// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A segment's two index files, compared with its batches while these go by.
#pragma once

#include "engine/format/index_entry.h"
#include "engine/format/record_batch.h"

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::engine {

enum class IndexKind : std::uint8_t { offsets, times };

struct IndexFault {
    IndexKind kind = IndexKind::offsets;
    Offset offset;               // That the entry names.
    std::uint64_t position = 0;  // Of the entry in its file.
    std::string reason;
};

// Faults that are collected at once; of more of them nobody learns anything.
inline constexpr std::size_t kIndexFaultsMax = 1000;

class IndexCheck {
public:
    IndexCheck() = default;
    // The files' contents, untrusted. An empty one is none: it is made again from the log.
    IndexCheck(Offset base, Bytes offset_file, Bytes time_file, bool sealed);

    // The next sound batch, which begins at `position`.
    void pass(const BatchView& batch, std::uint64_t position, std::vector<IndexFault>& faults);

    // What was damaged in the log, up to this place, cannot be compared.
    void skip_to(std::uint64_t position, Offset offset) noexcept;

    // The log's sound part has ended. What is left of a sealed segment's indexes is wrong.
    void end(std::vector<IndexFault>& faults);

    [[nodiscard]] const std::vector<OffsetEntry>& offsets() const noexcept { return offsets_; }

    [[nodiscard]] const std::vector<TimeEntry>& times() const noexcept { return times_; }

private:
    void pass_offset(const BatchView& batch,
                     std::uint64_t position,
                     std::vector<IndexFault>& faults);
    void pass_time(const BatchView& batch, std::vector<IndexFault>& faults);
    void offset_fault(std::string reason, std::vector<IndexFault>& faults) const;
    void time_fault(std::string reason, std::vector<IndexFault>& faults) const;

    Offset base_;
    bool sealed_ = false;
    std::vector<OffsetEntry> offsets_;
    std::vector<TimeEntry> times_;
    std::uint64_t offset_rest_ = 0;  // Bytes of the files that hold no entry.
    std::uint64_t time_rest_ = 0;
    std::size_t next_offset_ = 0;
    std::size_t next_time_ = 0;
    TimestampMs largest_ = -1;
};

}  // namespace millrace::engine
