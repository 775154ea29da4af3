// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// ClusterState as the shards use it.
//
// Thread:      everything here is set before the shards serve, or atomic, or shard 0's.
#pragma once

#include "broker/cluster/topic_catalog.h"
#include "broker/request/shard_service.h"

#include <atomic>
#include <memory>
#include <vector>

namespace millrace::broker {

class RequestContext;

class ClusterStateImpl final : public ClusterState {
public:
    ClusterStateImpl(const NodeOptions& options,
                     std::array<std::uint8_t, 16> cluster_id,
                     engine::Engine& engine,
                     engine::ShardPost& post,
                     engine::Clock& clock,
                     engine::EventLog& events);

    const NodeOptions& options;
    const std::array<std::uint8_t, 16> cluster_id;
    engine::Engine& engine;
    engine::ShardPost& post;
    engine::Clock& clock;
    engine::EventLog& events;

    // Shard 0's, from its start on.
    std::unique_ptr<TopicCatalog> catalog;

    void set_context(std::uint32_t shard, RequestContext* context) noexcept {
        contexts_[shard].store(context, std::memory_order_release);
    }

    // Requires: the shard was made.
    [[nodiscard]] RequestContext& context(std::uint32_t shard) const noexcept {
        return *contexts_[shard].load(std::memory_order_acquire);
    }

    [[nodiscard]] std::uint32_t shards() const noexcept {
        return static_cast<std::uint32_t>(contexts_.size());
    }

private:
    std::vector<std::atomic<RequestContext*>> contexts_;
};

}  // namespace millrace::broker
