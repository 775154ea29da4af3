// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The sparse offset and time index of one segment in memory, built by Kafka's rules: before a
// batch goes in, if more than the interval was written since the last entry, it gets an entry.
#pragma once

#include "engine/format/index_entry.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace millrace::engine {

struct IndexedBatch {
    std::uint32_t relative_last_offset = 0;  // To the segment's base.
    std::uint32_t size = 0;
    TimestampMs largest_timestamp = -1;
};

// Thread: the shard's.
class SegmentIndex {
public:
    // The next batch of the segment.
    void add(const IndexedBatch& batch, std::uint32_t interval_bytes);

    // Damaged bytes, which get no entry.
    void skip(std::uint64_t bytes) noexcept {
        covered_bytes_ += bytes;
        bytes_since_entry_ += bytes;
    }

    // Kafka's last time entry of a segment: its largest timestamp.
    void add_last_time_entry() { add_time_entry(); }

    // Takes over what the index files of a sealed segment hold; it is complete then. False, and
    // nothing taken, when they cannot be those of a segment with these bytes and this largest
    // timestamp.
    [[nodiscard]] bool adopt_sealed(Bytes offset_file,
                                    Bytes time_file,
                                    std::uint64_t bytes,
                                    const TimeEntry& largest);

    // Takes over what index files say of the first \`bytes\` of a segment that still grows. Batches
    // from covered_bytes() on are to be added; then set_largest() is to be called.
    void adopt_growing(Bytes offset_file, Bytes time_file, std::uint64_t bytes);

    // The largest timestamp of all that is covered, from a source that is better than the files.
    void set_largest(const TimeEntry& largest) noexcept;

    // Forgets everything.
    void clear() noexcept;

    // Entry with the largest offset at or below the asked one.
    [[nodiscard]] std::optional<OffsetEntry> at_or_below(std::uint32_t relative_offset) const;
    // Entry with the largest timestamp at or below the asked one.
    [[nodiscard]] std::optional<TimeEntry> at_or_below_time(TimestampMs timestamp) const;
    // First entry above a position.
    [[nodiscard]] std::optional<OffsetEntry> first_above(std::uint64_t position) const;

    // Everything below this position of the file has gone through add() or adopt().
    [[nodiscard]] std::uint64_t covered_bytes() const noexcept { return covered_bytes_; }

    [[nodiscard]] const std::vector<OffsetEntry>& offsets() const noexcept { return offsets_; }

    [[nodiscard]] const std::vector<TimeEntry>& times() const noexcept { return times_; }

    [[nodiscard]] std::uint64_t memory_bytes() const noexcept;

    // Entries that the files hold, and how far the segment had grown then.
    struct Saved {
        std::size_t offsets = 0;
        std::size_t times = 0;
        std::uint64_t covered_bytes = 0;
    };

    Saved saved;
    // Counts how often everything was forgotten: what was read of it before is worthless.
    std::uint32_t revision = 0;
    // True when entries came from files, which may be wrong.
    bool from_files = false;

private:
    void add_time_entry();

    std::vector<OffsetEntry> offsets_;
    std::vector<TimeEntry> times_;
    std::uint64_t covered_bytes_ = 0;
    std::uint64_t bytes_since_entry_ = 0;
    TimeEntry largest_;  // So far; its timestamp is -1 when no batch has one.
    // False while files were taken over that do not prove it: no time entry is added meanwhile,
    // because one that is too small would hide earlier records from a look-up.
    bool largest_known_ = true;
};

}  // namespace millrace::engine
