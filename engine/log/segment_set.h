// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The segments of one log, ascending, from the oldest file to what was planned at the last append.
#pragma once

#include "engine/log/segment.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::engine {

// Thread: the shard's. Segments stay where they are until they are taken or the set dies.
class SegmentSet {
public:
    // Files as a checkpoint has them; the last one ends below `end`.
    void adopt(const std::vector<SegmentRow>& rows, Offset end);

    [[nodiscard]] bool empty() const noexcept { return segments_.empty(); }

    [[nodiscard]] std::size_t size() const noexcept { return segments_.size(); }

    // Requires: not empty.
    [[nodiscard]] Segment& last() noexcept { return *segments_.back(); }

    [[nodiscard]] Segment& at(std::size_t index) noexcept { return *segments_[index]; }

    [[nodiscard]] const Segment& at(std::size_t index) const noexcept { return *segments_[index]; }

    Segment& plan(Offset base);

    // The oldest one leaves the set. Requires: not empty.
    [[nodiscard]] std::unique_ptr<Segment> take_first() noexcept;

    // `made` takes the place of so many sealed ones from `first` on, which it returns.
    [[nodiscard]] std::vector<std::unique_ptr<Segment>> replace(std::size_t first,
                                                                std::size_t count,
                                                                std::unique_ptr<Segment> made);

    // The segment that files are being written for: the first that is not sealed. Null: none.
    [[nodiscard]] Segment* storing() noexcept;

    // A later segment exists: nothing more goes into this one.
    [[nodiscard]] bool whole(const Segment& segment) const noexcept {
        return &segment != segments_.back().get();
    }

    // The segment whose range holds `offset`, or the last one below it. Null: none.
    [[nodiscard]] Segment* find(Offset offset) noexcept;
    [[nodiscard]] Segment* after(const Segment& segment) noexcept;

    // Those with bytes in a file.
    void append_rows(std::vector<SegmentRow>& to) const;
    [[nodiscard]] std::uint64_t planned_bytes() const noexcept;

private:
    std::vector<std::unique_ptr<Segment>> segments_;
};

}  // namespace millrace::engine
