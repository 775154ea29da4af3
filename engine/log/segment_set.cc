// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/segment_set.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace millrace::engine {

void SegmentSet::adopt(const std::vector<SegmentRow>& rows, Offset end) {
    for (const auto& row : rows) {
        if (!segments_.empty()) segments_.back()->planned_end = row.base;
        segments_.push_back(std::make_unique<Segment>(row));
    }
    if (!segments_.empty()) segments_.back()->planned_end = end;
}

Segment& SegmentSet::plan(Offset base) {
    return *segments_.emplace_back(std::make_unique<Segment>(base));
}

std::unique_ptr<Segment> SegmentSet::take_first() noexcept {
    auto first = std::move(segments_.front());
    segments_.erase(segments_.begin());
    return first;
}

std::vector<std::unique_ptr<Segment>> SegmentSet::replace(std::size_t first,
                                                          std::size_t count,
                                                          std::unique_ptr<Segment> made) {
    const auto begin = segments_.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = begin + static_cast<std::ptrdiff_t>(count);
    std::vector<std::unique_ptr<Segment>> replaced(std::make_move_iterator(begin),
                                                   std::make_move_iterator(end));
    *begin = std::move(made);
    segments_.erase(std::next(begin), end);
    return replaced;
}

Segment* SegmentSet::storing() noexcept {
    // Sealed ones come first; few are not.
    auto first = segments_.end();
    while (first != segments_.begin() && !(*std::prev(first))->sealed)
        --first;
    return first == segments_.end() ? nullptr : first->get();
}

Segment* SegmentSet::find(Offset offset) noexcept {
    const auto above = std::upper_bound(
            segments_.begin(), segments_.end(), offset, [](Offset asked, const auto& segment) {
                return asked < segment->base;
            });
    return above == segments_.begin() ? nullptr : std::prev(above)->get();
}

Segment* SegmentSet::after(const Segment& segment) noexcept {
    const auto above = std::upper_bound(
            segments_.begin(), segments_.end(), segment.base, [](Offset asked, const auto& other) {
                return asked < other->base;
            });
    return above == segments_.end() ? nullptr : above->get();
}

void SegmentSet::append_rows(std::vector<SegmentRow>& to) const {
    for (const auto& segment : segments_) {
        if (segment->bytes > 0) to.push_back(segment->row());
    }
}

std::uint64_t SegmentSet::planned_bytes() const noexcept {
    std::uint64_t bytes = 0;
    for (const auto& segment : segments_)
        bytes += segment->planned_bytes;
    return bytes;
}

}  // namespace millrace::engine
