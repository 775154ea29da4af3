// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a pass computes of windows of segment files: first the last offset of every key of the dirty
// part, then what is left of the segments. Reads and writes no files; runs on threads of the pool.
//
// Thread:      one at a time: the loop's between the calls, a worker's in map() and clean().
#pragma once

#include "engine/log/compaction/batch_cleaner.h"
#include "engine/log/compaction/key_map.h"
#include "engine/log/segment_index.h"
#include "engine/log/segment_walk.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace millrace::engine {

// A segment as the work needs to know it, so that it touches nothing that the loop changes.
struct CleaningSource {
    Offset base;
    Offset end;
    std::uint64_t bytes = 0;
    bool has_holes = false;
    bool is_last = false;  // Of those that become one: its last batch says where that ends.
};

// Which batches keep their header whatever becomes of their records: what is known of idempotent
// producers after a restart comes from there.
struct KeptProducers {
    std::vector<Offset> last_batches;  // Ascending.
    Offset all_from;                   // Every batch with a producer from here on.
};

class CleaningWork {
public:
    CleaningWork(std::uint64_t map_bytes, std::uint64_t seed) : keys_(map_bytes, seed) {}

    CleaningWork(const CleaningWork&) = delete;
    CleaningWork& operator=(const CleaningWork&) = delete;

    void begin_source(const CleaningSource& source) noexcept;

    // The window to be read next.
    [[nodiscard]] std::uint64_t window_position() const noexcept { return walk_.window_position(); }

    [[nodiscard]] std::uint64_t window_bytes() const noexcept { return walk_.window_bytes(); }

    // What lies at window_position() of the source; the keys of records from `from` on. More of the
    // source is needed until source_over().
    void map(Bytes window, Offset from);

    // From here on no key fits any more: what was gone over ends below it.
    [[nodiscard]] std::optional<Offset> full_at() const noexcept { return full_at_; }

    // After the last map(). Segments whose records are to be held against what was mapped.
    void begin_cleaning(TimestampMs now, TimestampMs new_horizon, KeptProducers&& producers);

    // The next sources become one segment.
    void begin_target(Offset base, std::uint32_t index_interval_bytes);
    void clean(Bytes window);

    [[nodiscard]] bool source_over() const noexcept { return over_; }

    // Something of the source is missing or wrong.
    [[nodiscard]] bool damaged() const noexcept { return damaged_; }

    // Of the target: what is not in its file yet; how large it has become, with that; its index.
    [[nodiscard]] std::vector<std::byte>& pending() noexcept { return pending_; }

    [[nodiscard]] std::uint64_t target_bytes() const noexcept { return target_bytes_; }

    [[nodiscard]] SegmentIndex& index() noexcept { return index_; }

    [[nodiscard]] TimestampMs largest_timestamp() const noexcept { return largest_; }

    [[nodiscard]] Offset largest_timestamp_offset() const noexcept { return largest_offset_; }

    // Of everything that was cleaned.
    [[nodiscard]] CleaningCounts counts() const noexcept {
        return cleaner_ ? cleaner_->counts() : CleaningCounts{};
    }

    [[nodiscard]] bool has_keys() const noexcept { return !keys_.empty(); }

private:
    template <class TakeBatch>
    void walk(Bytes window, TakeBatch take);
    [[nodiscard]] bool map_batch(const BatchView& batch, Offset from);
    void clean_batch(const BatchView& batch);
    [[nodiscard]] bool keeps_header(const BatchView& batch) const noexcept;

    KeyMap keys_;
    CleaningSource source_;
    SegmentWalk walk_;
    Offset seen_end_;
    bool over_ = false;
    bool damaged_ = false;
    std::optional<Offset> full_at_;

    std::optional<BatchCleaner> cleaner_;
    KeptProducers producers_;
    Offset target_base_;
    std::uint32_t interval_bytes_ = 0;
    std::vector<std::byte> pending_;
    std::uint64_t target_bytes_ = 0;
    SegmentIndex index_;
    TimestampMs largest_ = -1;
    Offset largest_offset_{-1};
};

}  // namespace millrace::engine
