// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The partitions of this shard that are in use.
//
// Thread:      its shard's loop.
#pragma once

#include "broker/partition/partition.h"
#include "engine/engine.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

namespace millrace::broker {

// Who knows whether a partition exists, and opens it at its first use.
class PartitionSource {
public:
    virtual ~PartitionSource() = default;

    enum class Missing : std::uint8_t { topic, partition };

    // Null: there is none, and `missing` says what.
    [[nodiscard]] virtual Partition* find_or_open(const engine::PartitionKey& key,
                                                  Missing& missing) noexcept = 0;

protected:
    PartitionSource() = default;
    PartitionSource(const PartitionSource&) = default;
    PartitionSource& operator=(const PartitionSource&) = default;
};

class PartitionTable {
public:
    explicit PartitionTable(engine::ShardEngine& engine) : engine_(engine) {}

    [[nodiscard]] Partition* find(const engine::PartitionKey& key) noexcept {
        const auto found = partitions_.find(key);
        return found == partitions_.end() ? nullptr : found->second.get();
    }

    // Requires: not open.
    Partition& open(const engine::PartitionKey& key,
                    std::string_view directory,
                    const engine::LogConfig& config);

    // Those who wait hear of it. The log itself is the engine's to remove.
    void close(const engine::PartitionKey& key);

    [[nodiscard]] std::size_t size() const noexcept { return partitions_.size(); }

private:
    engine::ShardEngine& engine_;
    std::unordered_map<engine::PartitionKey, std::unique_ptr<Partition>> partitions_;
};

}  // namespace millrace::broker
