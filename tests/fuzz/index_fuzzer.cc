// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The two index files of a segment: whatever they hold, what is taken from them ascends and is
// found again, and an index that grows on from them keeps its order.
#include "engine/assert.h"
#include "engine/base/byte_order.h"
#include "engine/log/segment_index.h"
#include "tests/fuzz/fuzzer.h"

#include <algorithm>

namespace millrace::fuzz {

namespace {

using engine::Bytes;
using engine::OffsetEntry;
using engine::SegmentIndex;
using engine::TimeEntry;

// In front of the entries: the segment's size, and how many offset entries come before the times.
constexpr std::size_t kSizeBytes = 4;
constexpr std::size_t kCountBytes = 1;

std::vector<OffsetEntry> check_offsets(Bytes file) {
    std::vector<OffsetEntry> entries;
    engine::decode_offset_entries(file, entries);
    OffsetEntry previous;
    for (const auto& entry : entries) {
        ASSERT(entry.relative_offset > previous.relative_offset);
        ASSERT(entry.position > previous.position);
        previous = entry;
    }
    Input written(entries.size() * engine::kOffsetEntryBytes);
    engine::encode_offset_entries(entries, written.data());
    ASSERT(std::ranges::equal(written, file.first(written.size())));
    return entries;
}

std::vector<TimeEntry> check_times(Bytes file) {
    std::vector<TimeEntry> entries;
    engine::decode_time_entries(file, entries);
    for (std::size_t i = 1; i < entries.size(); ++i) {
        ASSERT(entries[i].timestamp > entries[i - 1].timestamp);
        ASSERT(entries[i].relative_offset > entries[i - 1].relative_offset);
    }
    Input written(entries.size() * engine::kTimeEntryBytes);
    engine::encode_time_entries(entries, written.data());
    ASSERT(std::ranges::equal(written, file.first(written.size())));
    return entries;
}

template <class Entry, class Fits>
std::optional<Entry> last_that(const std::vector<Entry>& entries, Fits fits) {
    std::optional<Entry> last;
    for (const auto& entry : entries) {
        if (fits(entry)) last = entry;
    }
    return last;
}

void check_offset_found(const SegmentIndex& index, std::uint32_t asked) {
    const auto expected = last_that(
            index.offsets(), [&](const auto& entry) { return entry.relative_offset <= asked; });
    ASSERT(index.at_or_below(asked) == expected);
    const auto above = std::ranges::find_if(
            index.offsets(), [&](const auto& entry) { return entry.position > asked; });
    const auto found = index.first_above(asked);
    ASSERT(found.has_value() == (above != index.offsets().end()));
    if (found) ASSERT(*found == *above);
}

void check_time_found(const SegmentIndex& index, engine::TimestampMs asked) {
    const auto expected =
            last_that(index.times(), [&](const auto& entry) { return entry.timestamp <= asked; });
    ASSERT(index.at_or_below_time(asked) == expected);
}

void check_look_ups(const SegmentIndex& index) {
    for (const auto& entry : index.offsets()) {
        for (const std::uint32_t step : {0U, 1U, ~0U})
            check_offset_found(index, entry.relative_offset + step);
    }
    for (const auto& entry : index.times()) {
        check_time_found(index, entry.timestamp);
        if (entry.timestamp > INT64_MIN) check_time_found(index, entry.timestamp - 1);
    }
    check_offset_found(index, 0);
    check_offset_found(index, UINT32_MAX);
    check_time_found(index, INT64_MAX);
}

// The segment goes on behind what the files said.
void check_growth(SegmentIndex& index) {
    const auto last = index.offsets().empty() ? 0 : index.offsets().back().relative_offset;
    const auto times = index.times().size();
    index.set_largest(index.times().empty() ? TimeEntry{} : index.times().back());
    if (last > UINT32_MAX - 10 || index.covered_bytes() > UINT32_MAX - 10'000) return;
    for (std::uint32_t batch = 1; batch <= 5; ++batch) {
        index.add({.relative_last_offset = last + batch,
                   .size = 1000,
                   .largest_timestamp = 1'700'000'000'000 + batch},
                  1500);
    }
    index.skip(100);
    index.add_last_time_entry();
    ASSERT(std::ranges::is_sorted(index.offsets(), {}, &OffsetEntry::relative_offset));
    ASSERT(std::ranges::is_sorted(index.offsets(), {}, &OffsetEntry::position));
    ASSERT(std::ranges::is_sorted(index.times(), {}, &TimeEntry::timestamp));
    ASSERT(index.times().size() >= times);
    ASSERT(index.memory_bytes() >= index.offsets().size() * sizeof(OffsetEntry));
}

void check_index(Bytes offset_file, Bytes time_file, std::uint64_t bytes) {
    const auto offsets = check_offsets(offset_file);
    const auto times = check_times(time_file);
    SegmentIndex sealed;
    const auto largest = times.empty() ? TimeEntry{} : times.back();
    if (sealed.adopt_sealed(offset_file, time_file, bytes, largest)) {
        ASSERT(sealed.offsets() == offsets && sealed.times() == times);
        ASSERT(sealed.covered_bytes() == bytes);
    } else {
        ASSERT(sealed.offsets().empty() && sealed.covered_bytes() == 0);
    }
    check_look_ups(sealed);
    SegmentIndex growing;
    growing.adopt_growing(offset_file, time_file, bytes);
    ASSERT(growing.covered_bytes() <= bytes);
    check_look_ups(growing);
    check_growth(growing);
}

void run_offsets(Bytes input) {
    if (input.size() < kSizeBytes) return;
    const AlignedCopy file(input.subspan(kSizeBytes));
    check_index(file.bytes(), {}, engine::load_big<std::uint32_t>(input.data()));
}

void run_times(Bytes input) {
    if (input.size() < kSizeBytes + kCountBytes) return;
    const auto bytes = engine::load_big<std::uint32_t>(input.data());
    const auto rest = input.subspan(kSizeBytes + kCountBytes);
    const auto offset_bytes =
            std::min(std::to_integer<std::size_t>(input[kSizeBytes]) * engine::kOffsetEntryBytes,
                     rest.size());
    const AlignedCopy offsets(rest.first(offset_bytes));
    const AlignedCopy times(rest.subspan(offset_bytes));
    check_index(offsets.bytes(), times.bytes(), bytes);
}

SegmentIndex index_of(std::uint32_t batches) {
    SegmentIndex index;
    for (std::uint32_t batch = 0; batch < batches; ++batch) {
        index.add({.relative_last_offset = batch * 7 + 6,
                   .size = 3000,
                   .largest_timestamp = 1'700'000'000'000 + std::int64_t{batch} * 5},
                  4096);
    }
    index.add_last_time_entry();
    return index;
}

// The files of segments of a few sizes.
std::vector<Input> seeds(bool with_times) {
    std::vector<Input> all;
    for (const std::uint32_t batches : {0U, 3U, 40U}) {
        const auto index = index_of(batches);
        const auto offsets_at = kSizeBytes + (with_times ? kCountBytes : 0);
        const auto times_at = offsets_at + index.offsets().size() * engine::kOffsetEntryBytes;
        const auto times_bytes = index.times().size() * engine::kTimeEntryBytes;
        Input input(times_at + (with_times ? times_bytes : 0));
        engine::store_big(input.data(), static_cast<std::uint32_t>(index.covered_bytes()));
        engine::encode_offset_entries(index.offsets(), input.data() + offsets_at);
        if (with_times) {
            input[kSizeBytes] = static_cast<std::byte>(index.offsets().size());
            engine::encode_time_entries(index.times(), input.data() + times_at);
        }
        all.push_back(std::move(input));
    }
    return all;
}

const Registration kRegistration(
        {{.name = "index-offsets", .run = run_offsets, .seeds = [] { return seeds(false); }},
         {.name = "index-times", .run = run_times, .seeds = [] { return seeds(true); }}});

}  // namespace

}  // namespace millrace::fuzz
