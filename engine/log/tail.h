// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The tail of one log: slices of WAL images in offset order. Its front is read cache that segment
// files hold too, its back is what only the WAL and memory hold.
//
//     begin()        released()          stored()               end()
//       | cache: gone   | in files, but no    | only in the WAL    |
//       | with its file | checkpoint says so  |                    |
//
// Thread:      the shard's.
// Memory:      a ring that grows by doubling; in steady state nothing is allocated.
// Invariant:   begin <= released <= stored <= end, as numbers of entries since the log was opened.
#pragma once

#include "engine/log.h"
#include "engine/wal/wal_appender.h"

#include <cstdint>
#include <vector>

namespace millrace::engine {

struct TailEntry {
    BufferRef image;
    const std::byte* data = nullptr;  // Whole batches; none in an entry that raises the epoch.
    WalFileUse* file = nullptr;
    Offset base;
    Offset end;  // One above the last offset.
    TimestampMs largest_timestamp = -1;
    Sequence group = 0;
    std::uint32_t size = 0;
    std::uint32_t batches = 0;
};

class Tail {
public:
    using Number = std::uint64_t;

    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }

    [[nodiscard]] Number begin() const noexcept { return begin_; }

    [[nodiscard]] Number released() const noexcept { return released_; }

    [[nodiscard]] Number stored() const noexcept { return stored_; }

    [[nodiscard]] Number end() const noexcept { return end_; }

    // Bytes of the entry stored() whose batches segment files hold already.
    [[nodiscard]] std::uint32_t stored_part() const noexcept { return stored_part_; }

    // Requires: begin() <= number < end().
    [[nodiscard]] const TailEntry& at(Number number) const noexcept {
        return ring_[number & (ring_.size() - 1)];
    }

    // Requires: not empty.
    [[nodiscard]] Offset first_offset() const noexcept { return at(begin_).base; }

    // Bytes that no segment file holds.
    [[nodiscard]] std::uint64_t unstored_bytes() const noexcept { return unstored_bytes_; }

    // Requires: entry.base is the end of the entry before.
    void push(TailEntry&& entry);

    // Segment files hold everything below `end` now.
    void set_stored_end(Offset end) noexcept;

    // Among what was pushed so far are entries of files of several WAL directories, in any order of
    // files: it was recovered, or came with an atomic append.
    void set_unordered() noexcept { unordered_end_ = end_; }

    // The checkpoint holds what it held when stored() was `number`. Gives each entry's WAL file up.
    void release_to(Number number, WalAppender& wal) noexcept;

    // The file's blocks will be written over. Requires: none of its entries is unreleased.
    void let_go(const WalFileUse& file) noexcept;

    // Its read cache goes.
    void let_go_released() noexcept;

    // What of it ends at or below `end` goes.
    void let_go_released_below(Offset end) noexcept;

    // Appends slices of whole batches from the one that holds `from` on, below `limit`, to op, as
    // far as op.bytes_max goes. Requires: first_offset() <= from.
    void read(Offset from, Offset limit, ReadOp& op) const;

private:
    [[nodiscard]] TailEntry& slot(Number number) noexcept {
        return ring_[number & (ring_.size() - 1)];
    }

    [[nodiscard]] Number find(Offset offset) const noexcept;
    void grow();

    std::vector<TailEntry> ring_;
    Number begin_ = 0;
    Number released_ = 0;
    Number stored_ = 0;
    Number end_ = 0;
    Number unordered_end_ = 0;
    std::uint64_t unstored_bytes_ = 0;
    std::uint32_t stored_part_ = 0;
};

}  // namespace millrace::engine
