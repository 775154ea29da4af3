// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/partition/partition_table.h"

#include "engine/assert.h"

namespace millrace::broker {

Partition& PartitionTable::open(const engine::PartitionKey& key,
                                std::string_view directory,
                                const engine::LogConfig& config) {
    auto& log = engine_.open_log(key, directory, config);
    const auto [entry, added] = partitions_.emplace(key, std::make_unique<Partition>(key, log));
    ASSERT(added);
    return *entry->second;
}

void PartitionTable::close(const engine::PartitionKey& key) {
    partitions_.erase(key);
}

}  // namespace millrace::broker
