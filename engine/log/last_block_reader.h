// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Reads back the last partial block of a segment that is being stored, before it is rewritten, and
// checks that it is what was stored.
#pragma once

#include "engine/log/window_reader.h"

#include <cstdint>

namespace millrace::engine {

// Thread: the shard's.
class LastBlockReader {
public:
    LastBlockReader(LogContext& context, OpenFiles& files, IoGate& gate)
            : context_(context), reader_(context, files, gate) {}

    // Requires: the stored bytes of `segment` do not end with a block.
    // A block that fails its check is given all the same, with a warning: what it holds is damaged
    // already, and stays so. So is, as zeros, one that cannot be read; but not before twenty
    // tries, because it may be there again. Errors: as WindowReader::start, but not damaged_range;
    // no_room: to be tried again.
    void start(LogState& log, Segment& segment, Completion done) noexcept;

    // After done: one block, zero behind the stored bytes.
    [[nodiscard]] BufferRef take_block() noexcept { return std::move(block_); }

private:
    void read_more() noexcept;
    void read(Result<void> outcome) noexcept;
    void unreadable() noexcept;
    [[nodiscard]] bool is_right() const noexcept;
    void finish(bool right) noexcept;

    LogContext& context_;
    WindowReader reader_;
    LogState* log_ = nullptr;
    Segment* segment_ = nullptr;
    std::uint64_t window_bytes_ = 0;
    BufferRef block_;
    Completion done_;
};

}  // namespace millrace::engine
