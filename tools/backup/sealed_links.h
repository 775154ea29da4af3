// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Sealed segments of a running broker's partition, linked into a backup.
#pragma once

#include "engine/format/checkpoint.h"
#include "tools/backup/files.h"

#include <cstdint>
#include <filesystem>
#include <optional>

namespace millrace::backup {

struct SealedLinks {
    // What was linked. `flushed_offset` is where it ends; without segments that is where the log
    // starts.
    engine::PartitionRow row;
    std::uint64_t linked_bytes = 0;  // Of log files, as is the next.
    std::uint64_t copied_bytes = 0;  // Of those that could not be linked.
};

// `data`: the broker's data directory; `name`: the partition's folder below its topics/; `to`: an
// empty folder. Segments below `start`, where the partition starts now, are left out. None:
// retention or compaction has taken some away meanwhile; it has to be asked again where the
// partition starts.
[[nodiscard]] Outcome<std::optional<SealedLinks>> link_sealed(const std::filesystem::path& data,
                                                              const std::string& name,
                                                              const engine::PartitionKey& key,
                                                              engine::Offset start,
                                                              const std::filesystem::path& to);

}  // namespace millrace::backup
