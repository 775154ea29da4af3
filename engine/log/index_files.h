// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Writes what is new of a segment's index to its two files, cut to their exact lengths.
#pragma once

#include "engine/log/log_state.h"
#include "engine/log/small_file.h"

#include <cstdint>

namespace millrace::engine {

// Thread: the shard's.
class IndexFiles {
public:
    explicit IndexFiles(LogContext& context) : file_(context) {}

    // Requires: the index is in memory. With `sync` the files are on stable storage when done,
    // but for their names. Errors: as SmallFileWriter, and no_room (try again).
    void save(LogState& log, Segment& segment, bool sync, Completion done) noexcept;

private:
    void offsets_saved(Result<void> outcome) noexcept;
    void times_saved(Result<void> outcome) noexcept;
    void finish(Result<void> outcome) noexcept;
    [[nodiscard]] std::byte* prepare(std::string_view suffix,
                                     std::uint64_t position,
                                     std::uint64_t length) noexcept;

    SmallFileWriter file_;
    LogState* log_ = nullptr;
    Segment* segment_ = nullptr;
    SegmentIndex::Saved saving_;
    std::uint32_t revision_ = 0;
    bool sync_ = false;
    Completion done_;
};

}  // namespace millrace::engine
