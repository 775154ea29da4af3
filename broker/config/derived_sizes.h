// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Every size that follows from others: how memory.total is split, and what the write-ahead log may
// take. One place, so that the sums can be checked.
#pragma once

#include "broker/base/node_options.h"
#include "engine/units.h"

#include <cstdint>
#include <expected>
#include <string>

namespace millrace::broker {

// A shard's log has at least four files of at least 8 MiB.
inline constexpr std::uint64_t kWalBytesPerShardMin = 32 * engine::kMiB;
inline constexpr std::uint64_t kPreAuthenticationBytes = 4 * engine::kMiB;

struct DerivedSizes {
    std::uint64_t wal_bytes = 0;       // Also the image of the log in memory.
    std::uint64_t arena_bytes = 0;     // Image, run buffers and read cache together.
    std::uint64_t receive_bytes = 0;   // Requests that are arriving or being handled.
    std::uint64_t response_bytes = 0;  // Tables of answers that are not yet sent.
};

// min(1 GiB, 25 % of what the process may use), and never below what a shard needs.
[[nodiscard]] std::uint64_t default_memory_total(std::uint64_t memory_bytes);

// One per core, at most 16, and no more than `memory_total` has room for.
[[nodiscard]] std::uint32_t default_shards(std::uint32_t cores, std::uint64_t memory_total);

// `filesystem_bytes`: size of the file system of the data directory.
// Fails with a sentence when the settings cannot hold together.
[[nodiscard]] std::expected<DerivedSizes, std::string> derive_sizes(const NodeOptions& options,
                                                                    std::uint64_t filesystem_bytes);

// Puts what was derived into the options and their list of settings in force.
void adopt_sizes(NodeOptions& options, const DerivedSizes& sizes);

}  // namespace millrace::broker
