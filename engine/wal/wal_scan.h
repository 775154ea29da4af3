// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Looks block by block for headers of groups where the chain does not lead: is what ends the WAL a
// torn end, or is something missing that had been flushed?
//
// Thread:      one, before shards run; blocks.
#pragma once

#include "engine/format/checkpoint.h"
#include "engine/format/wal_group.h"
#include "engine/result.h"
#include "engine/wal/wal_directory.h"

#include <cstdint>
#include <vector>

namespace millrace::engine {

struct ScannedGroup {
    const FoundWalFile* file = nullptr;
    std::uint64_t position = 0;
    WalGroupHeader header;
};

struct ScannedFile {
    std::uint64_t written_bytes = 0;  // Up to the end of the last group seen, of any age.
    std::uint64_t file_number = 0;    // Highest of any group seen.
};

// Scans `file` from `position` to its end. Appends to `later` the groups with a sequence at or
// above `sequence_min`.
[[nodiscard]] Result<ScannedFile> scan_file(WalDirectory& directory,
                                            const FoundWalFile& file,
                                            std::uint64_t position,
                                            std::uint32_t directory_number,
                                            Sequence sequence_min,
                                            std::vector<ScannedGroup>& later);

// Leaves only groups that can say something about what follows `end`: of its run, or of a run that
// follows it. Groups of earlier runs were cut off by a later one; and what a client sent may look
// like a group, but cannot know the bits of a run.
void keep_followers(std::vector<ScannedGroup>& later, const WalPosition& end);

}  // namespace millrace::engine
