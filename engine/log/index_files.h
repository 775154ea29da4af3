// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Writes what is new of a segment's index to its two files, cut to their exact lengths.
#pragma once

#include "engine/log/log_state.h"
#include "engine/log/small_file.h"

#include <cstdint>
#include <vector>

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
    [[nodiscard]] bool write(std::string_view suffix,
                             std::uint64_t saved_bytes,
                             const std::vector<std::byte>& bytes,
                             Completion next) noexcept;

    SmallFileWriter file_;
    LogState* log_ = nullptr;
    Segment* segment_ = nullptr;
    SegmentIndex::Saved saving_;
    std::uint32_t revision_ = 0;
    bool sync_ = false;
    std::vector<std::byte> encoded_;
    Completion done_;
};

}  // namespace millrace::engine
