// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The segments below a path, and how much of each is data. The checkpoint says that; without one
// (a folder copied out of its data directory, or another broker's) the files do.
//
// Thread:      any; no broker may use the directory meanwhile.
#pragma once

#include "engine/types.h"

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace millrace::segment {

struct StoredSegment {
    std::filesystem::path file;
    engine::Offset base;
    std::optional<std::uint64_t>
            bytes{};      // Of data; none: up to the end of the file, but for zeros.
    bool sealed = false;  // Its file has its exact length and whole indexes.
    std::optional<engine::Offset> end{};  // Behind its last record, where that is known.
};

// A partition with data whose folder is not there.
struct LostPartition {
    engine::PartitionKey key;
    engine::Offset first;
    engine::Offset end;
};

struct StoredSegments {
    std::vector<StoredSegment> segments;  // By folder, then by offset.
    std::vector<LostPartition> lost;
    // Segments that the checkpoint does not name: no broker ever reads them.
    std::vector<std::filesystem::path> unnamed;
    // The broker did not stop cleanly: the write-ahead log has records that no segment has yet.
    bool unclean = false;
};

// `path`: a data directory, its topics/, a partition's folder, or one .log file. Errors: a sentence
// that names the path.
[[nodiscard]] std::expected<StoredSegments, std::string> find_segments(
        const std::filesystem::path& path);

}  // namespace millrace::segment
