// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/segment_index.h"

#include "engine/units.h"

#include <algorithm>

namespace millrace::engine {

namespace {

// A sealed segment whose index says nothing about more than this at its end is scanned instead.
constexpr std::uint64_t kUnindexedBytesMax = 2 * kMiB;

}  // namespace

void SegmentIndex::add(const IndexedBatch& batch, std::uint32_t interval_bytes) {
    if (batch.largest_timestamp > largest_.timestamp) {
        largest_ = {batch.largest_timestamp, batch.relative_last_offset};
    }
    if (bytes_since_entry_ > interval_bytes) {
        offsets_.push_back(
                {batch.relative_last_offset, static_cast<std::uint32_t>(covered_bytes_)});
        add_time_entry();
        bytes_since_entry_ = 0;
    }
    covered_bytes_ += batch.size;
    bytes_since_entry_ += batch.size;
}

void SegmentIndex::add_time_entry() {
    if (!largest_known_) return;
    if (largest_.timestamp <= (times_.empty() ? -1 : times_.back().timestamp)) return;
    times_.push_back(largest_);
}

bool SegmentIndex::adopt_sealed(Bytes offset_file,
                                Bytes time_file,
                                std::uint64_t bytes,
                                const TimeEntry& largest) {
    clear();
    decode_offset_entries(offset_file, offsets_);
    decode_time_entries(time_file, times_);
    const auto last_position = offsets_.empty() ? 0 : offsets_.back().position;
    const bool offsets_fit = offsets_.size() * kOffsetEntryBytes == offset_file.size() &&
                             last_position < bytes && bytes - last_position <= kUnindexedBytesMax;
    const bool times_fit = times_.size() * kTimeEntryBytes == time_file.size() &&
                           (times_.empty() ? largest.timestamp < 0 : times_.back() == largest);
    if (!offsets_fit || !times_fit) {
        clear();
        return false;
    }
    from_files = true;
    covered_bytes_ = bytes;
    largest_ = largest;
    saved = {offsets_.size(), times_.size(), bytes};
    return true;
}

void SegmentIndex::adopt_growing(Bytes offset_file, Bytes time_file, std::uint64_t bytes) {
    clear();
    decode_offset_entries(offset_file, offsets_);
    while (!offsets_.empty() && offsets_.back().position >= bytes)
        offsets_.pop_back();
    if (offsets_.empty()) return;
    from_files = true;
    // The last entry's own batch is not covered, so that reading on begins by checking it.
    covered_bytes_ = offsets_.back().position;
    decode_time_entries(time_file, times_);
    const auto last = offsets_.back().relative_offset;
    while (!times_.empty() && times_.back().relative_offset > last)
        times_.pop_back();
    largest_known_ = !times_.empty() && times_.back().relative_offset == last;
    if (largest_known_) largest_ = times_.back();
    saved = {offsets_.size(), times_.size(), covered_bytes_};
}

void SegmentIndex::set_largest(const TimeEntry& largest) noexcept {
    largest_ = largest;
    largest_known_ = true;
}

void SegmentIndex::clear() noexcept {
    const auto next_revision = revision + 1;
    *this = SegmentIndex{};
    revision = next_revision;
}

std::optional<OffsetEntry> SegmentIndex::at_or_below(std::uint32_t relative_offset) const {
    const auto above = std::upper_bound(offsets_.begin(),
                                        offsets_.end(),
                                        relative_offset,
                                        [](std::uint32_t asked, const OffsetEntry& entry) {
                                            return asked < entry.relative_offset;
                                        });
    if (above == offsets_.begin()) return std::nullopt;
    return *std::prev(above);
}

std::optional<TimeEntry> SegmentIndex::at_or_below_time(TimestampMs timestamp) const {
    const auto above = std::upper_bound(
            times_.begin(), times_.end(), timestamp, [](TimestampMs asked, const TimeEntry& entry) {
                return asked < entry.timestamp;
            });
    if (above == times_.begin()) return std::nullopt;
    return *std::prev(above);
}

std::optional<OffsetEntry> SegmentIndex::first_above(std::uint64_t position) const {
    const auto above = std::upper_bound(
            offsets_.begin(),
            offsets_.end(),
            position,
            [](std::uint64_t asked, const OffsetEntry& entry) { return asked < entry.position; });
    if (above == offsets_.end()) return std::nullopt;
    return *above;
}

std::uint64_t SegmentIndex::memory_bytes() const noexcept {
    return sizeof *this + offsets_.capacity() * sizeof(OffsetEntry) +
           times_.capacity() * sizeof(TimeEntry);
}

}  // namespace millrace::engine
