// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A topic as all shards see it: immutable; a change makes a new one.
#pragma once

#include "broker/cluster/topic_config.h"
#include "engine/log.h"
#include "engine/types.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace millrace::broker {

// Leader epochs of a topic's partitions, for metadata: the one thing about a topic that moves
// without a change of the catalogue. Each is written by the partition's shard and read by all.
class LeaderEpochs {
public:
    // -1 until a partition is first used.
    explicit LeaderEpochs(std::uint32_t partitions) : epochs_(partitions) {
        for (auto& epoch : epochs_)
            epoch.store(-1, std::memory_order_relaxed);
    }

    void set(std::uint32_t partition, engine::LeaderEpoch epoch) noexcept {
        epochs_[partition].store(epoch, std::memory_order_relaxed);
    }

    [[nodiscard]] engine::LeaderEpoch get(std::uint32_t partition) const noexcept {
        return epochs_[partition].load(std::memory_order_relaxed);
    }

private:
    std::vector<std::atomic<engine::LeaderEpoch>> epochs_;
};

struct Topic {
    std::string name;
    engine::TopicId id;
    std::uint32_t partitions = 0;
    ConfigOverrides overrides;
    engine::LogConfig log_config;  // Overrides over the broker's defaults.
    std::uint64_t version = 0;     // Of the change that made it so.
    // Shared by the versions of the topic that have the same number of partitions.
    std::shared_ptr<LeaderEpochs> leader_epochs;

    [[nodiscard]] engine::LeaderEpoch leader_epoch(std::uint32_t partition) const noexcept {
        return leader_epochs->get(partition);
    }
};

// Shared ownership: a shard may still use a topic that another shard has replaced.
using TopicRef = std::shared_ptr<const Topic>;

// One change of the catalogue, durable, on its way to every shard.
struct CatalogChange {
    std::uint64_t version = 0;
    std::vector<TopicRef> changed;  // New or altered.
    std::vector<engine::TopicId> deleted;
};

using CatalogChangeRef = std::shared_ptr<const CatalogChange>;

}  // namespace millrace::broker
