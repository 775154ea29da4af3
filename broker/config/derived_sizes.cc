// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/config/derived_sizes.h"

#include "broker/config/units.h"

#include <algorithm>

namespace millrace::broker {

namespace {

constexpr std::uint64_t kMemoryTotalMin = 96 * engine::kMiB;
constexpr std::uint64_t kMemoryTotalMax = 1 * engine::kGiB;
constexpr std::uint64_t kWalBytesMax = 512 * engine::kMiB;
constexpr std::uint32_t kShardsMax = 16;

constexpr std::uint64_t percent(std::uint64_t value, std::uint64_t parts) {
    return value / 100 * parts;
}

constexpr std::uint64_t image_share(std::uint64_t memory_total) {
    return engine::round_down(percent(memory_total, 40), engine::kMiB);
}

static_assert(image_share(kMemoryTotalMin) >= kWalBytesPerShardMin);

}  // namespace

std::uint64_t default_memory_total(std::uint64_t memory_bytes) {
    const auto quarter = engine::round_down(percent(memory_bytes, 25), engine::kMiB);
    return std::clamp(quarter, kMemoryTotalMin, kMemoryTotalMax);
}

std::uint32_t default_shards(std::uint32_t cores, std::uint64_t memory_total) {
    const auto image = std::min(image_share(memory_total), kWalBytesMax);
    const auto room = std::max<std::uint64_t>(1, image / kWalBytesPerShardMin);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>({cores, kShardsMax, room}));
}

std::expected<DerivedSizes, std::string> derive_sizes(const NodeOptions& options,
                                                      std::uint64_t filesystem_bytes) {
    const auto needed = options.shards * kWalBytesPerShardMin;
    const auto image_max = image_share(options.memory_total);
    if (image_max < needed) {
        return std::unexpected("memory.total = " + format_size(options.memory_total) +
                               " is too small for node.shards = " + std::to_string(options.shards) +
                               ": 40% of it must hold " + format_size(needed) +
                               " of write-ahead log");
    }
    DerivedSizes sizes;
    if (options.wal_bytes != 0) {
        if (options.wal_bytes < needed || options.wal_bytes > image_max) {
            return std::unexpected(
                    "wal.bytes = " + format_size(options.wal_bytes) +
                    " does not fit: node.shards = " + std::to_string(options.shards) +
                    " needs at least " + format_size(needed) + ", memory.total allows at most " +
                    format_size(image_max));
        }
        sizes.wal_bytes = options.wal_bytes;
    } else {
        const auto share = std::min({kWalBytesMax, percent(filesystem_bytes, 10), image_max});
        // A small file system still gets the least a log can be; whether there is room for it is
        // found out, and said, when it is made.
        sizes.wal_bytes = std::max(engine::round_down(share, engine::kMiB), needed);
    }
    const auto wal_file =
            std::clamp(sizes.wal_bytes / options.shards / 8, 8 * engine::kMiB, 64 * engine::kMiB);
    if (options.topic_defaults.message_bytes_max > wal_file / 4) {
        return std::unexpected("topic.max_message_bytes = " +
                               format_size(options.topic_defaults.message_bytes_max) +
                               " is more than a quarter of a file of the write-ahead log (" +
                               format_size(wal_file) + "): raise wal.bytes or lower it");
    }
    sizes.receive_bytes = percent(options.memory_total, 10);
    sizes.response_bytes = percent(options.memory_total, 10);
    sizes.arena_bytes = percent(options.memory_total, 70);
    return sizes;
}

void adopt_sizes(NodeOptions& options, const DerivedSizes& sizes) {
    options.wal_bytes = sizes.wal_bytes;
    for (auto& entry : options.effective) {
        if (entry.key == "wal.bytes") entry.value = format_size(sizes.wal_bytes);
    }
}

}  // namespace millrace::broker
