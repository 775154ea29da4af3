// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// backup.json: what a backup is of. Written last: without it there is no backup.
#pragma once

#include "tools/backup/files.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace millrace::backup {

inline constexpr int kBackupFormat = 1;
inline constexpr const char* kManifestName = "backup.json";

struct PartitionCut {
    std::uint32_t partition = 0;
    std::int64_t start_offset = 0;  // Of the partition then.
    std::int64_t end_offset = 0;    // The cut: what lies below it is there.
};

struct Manifest {
    std::string topic;
    std::string topic_id;
    std::string cluster_id;
    std::string created;  // UTC, ISO 8601.
    std::vector<std::pair<std::string, std::string>> config;
    std::vector<PartitionCut> partitions;
};

[[nodiscard]] std::string text_of(const Manifest& manifest);

// Untrusted. Errors: a sentence that names the file (no backup, a later format, not as it must be).
[[nodiscard]] Outcome<Manifest> read_manifest(const std::filesystem::path& directory);

}  // namespace millrace::backup
