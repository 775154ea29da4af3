// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What compaction leaves of one batch: records that are the last ones of their keys, at their
// offsets, in a batch with its own first and last offset. Kafka's rules and bytes.
//
// A tombstone (a record without a value) gets a delete horizon when it is cleaned for the first
// time, which its batch bears instead of a base timestamp, and goes when that has passed. A record
// without a key is of a time when its topic was not compacted, and stays.
#pragma once

#include "engine/format/record_batch.h"
#include "engine/log/compaction/key_map.h"
#include "engine/result.h"

#include <cstdint>
#include <vector>

namespace millrace::engine {

struct CleaningRules {
    const KeyMap* keys = nullptr;
    // Horizons below it have passed; new ones are set to the other. Two, so that of two clocks that
    // disagree the slower one decides.
    TimestampMs now = 0;
    TimestampMs new_horizon = 0;
};

struct CleaningCounts {
    std::uint64_t records_before = 0;
    std::uint64_t records_after = 0;
    std::uint64_t tombstones_removed = 0;
    std::uint64_t unreadable_batches = 0;  // Right as stored, but they cannot be opened: they stay.
};

// Of a batch that is opened for compaction, what it may become.
[[nodiscard]] std::uint64_t opened_bytes_max(std::uint64_t batch_bytes) noexcept;

// Lifecycle:   batch after batch; memory is kept.
// Thread:      one at a time.
class BatchCleaner {
public:
    explicit BatchCleaner(const CleaningRules& rules) : rules_(rules) {}

    // Appends to `to` what is left of the batch, which may be nothing; with `keep_header` at least
    // its header.
    void clean(const BatchView& batch, bool keep_header, std::vector<std::byte>& to);

    [[nodiscard]] const CleaningCounts& counts() const noexcept { return counts_; }

private:
    // A record that stays, as it lies in the opened batch: with its length, and without length,
    // attributes and the two deltas.
    struct Kept {
        Bytes raw;
        Bytes fields;
        std::int64_t timestamp_delta = 0;
        std::int32_t offset_delta = 0;
    };

    [[nodiscard]] Result<void> choose(const BatchView& batch, Bytes records);
    [[nodiscard]] Result<void> rewrite(const BatchView& batch, std::vector<std::byte>& to);
    void store_records(TimestampMs base_moved_by);

    CleaningRules rules_;
    CleaningCounts counts_;
    std::vector<std::byte> opened_;
    std::vector<std::byte> records_;
    std::vector<Kept> kept_;
    bool kept_tombstone_ = false;
    std::uint64_t tombstones_gone_ = 0;
};

// Appends the batch's header alone, for the offsets and sequences that it says.
void append_emptied(const BatchView& batch, std::vector<std::byte>& to);

}  // namespace millrace::engine
