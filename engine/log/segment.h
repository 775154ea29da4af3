// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One segment of a log: what was decided about it at append, and how much of it a file holds.
#pragma once

#include "engine/format/checkpoint.h"
#include "engine/format/file_names.h"
#include "engine/log/segment_index.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace millrace::engine {

class IndexLoader;
class OpenFile;

// Lifecycle:   planned (at append), stored in part, whole (a later segment exists), sealed.
// Invariant:   bytes <= planned_bytes; a sealed segment has them equal.
struct Segment {
    explicit Segment(Offset first) : base(first), planned_end(first) {}

    explicit Segment(const SegmentRow& row);

    Offset base;
    Offset planned_end;  // One above the last offset decided to lie here.
    std::uint64_t planned_bytes = 0;
    TimestampMs first_timestamp = -1;  // Largest of the first batch.
    TimestampMs created = -1;          // Wall clock; counts when there is no first timestamp.

    std::uint64_t bytes = 0;              // Of whole batches that completed runs have stored.
    TimestampMs largest_timestamp = -1;   // Of those.
    Offset largest_timestamp_offset{-1};  // Last offset of the batch that holds it.
    bool sealed = false;
    bool has_holes = false;  // These three as SegmentRow has them.
    bool clean = false;
    bool swapping = false;

    bool has_file = false;         // Made by this run, or named by the checkpoint.
    bool may_be_longer = false;    // An earlier run may have left batches behind `bytes`.
    std::uint64_t file_bytes = 0;  // Size that is known to be there; at least bytes.
    // What the index files say about positions from here on is of an earlier run and worthless.
    std::uint64_t index_trusted_bytes = 0;

    std::unique_ptr<SegmentIndex> index;  // Null: not in memory.
    std::uint32_t index_pins = 0;         // Jobs that work with it: it stays.
    std::uint32_t holds = 0;              // SegmentHold's.
    std::uint64_t index_bytes = 0;        // As IndexCache counts it.
    IndexLoader* index_loader = nullptr;  // The one that is loading it; others wait for it.
    Segment* index_older = nullptr;       // IndexCache's list.
    Segment* index_newer = nullptr;
    OpenFile* file = nullptr;  // OpenFiles'; null: not open.

    [[nodiscard]] SegmentRow row() const noexcept;

    // Where one of its files lies now, in the folder `directory`.
    [[nodiscard]] FilePath path(std::string_view directory, std::string_view suffix) const noexcept;

    // A batch that a completed run has stored.
    void note_stored(Offset last_offset, std::uint32_t size, TimestampMs timestamp) noexcept;
};

// A reader's reference to a segment, which does not die meanwhile. To be reset before the log dies:
// its destructor does nothing.
class SegmentHold {
public:
    SegmentHold() = default;
    SegmentHold(const SegmentHold&) = delete;
    SegmentHold& operator=(const SegmentHold&) = delete;

    void reset(Segment* segment = nullptr) noexcept {
        if (segment != nullptr) ++segment->holds;
        if (segment_ != nullptr) --segment_->holds;
        segment_ = segment;
    }

    [[nodiscard]] Segment* get() const noexcept { return segment_; }

    Segment& operator*() const noexcept { return *segment_; }

    Segment* operator->() const noexcept { return segment_; }

private:
    Segment* segment_ = nullptr;
};

}  // namespace millrace::engine
