// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/cluster_state.h"

namespace millrace::broker {

std::unique_ptr<ClusterState> ClusterState::make(const NodeOptions& options,
                                                 std::array<std::uint8_t, 16> cluster_id,
                                                 engine::Engine& engine,
                                                 engine::ShardPost& post,
                                                 engine::Clock& clock,
                                                 engine::EventLog& events) {
    return std::make_unique<ClusterStateImpl>(options, cluster_id, engine, post, clock, events);
}

ClusterStateImpl::ClusterStateImpl(const NodeOptions& node_options,
                                   std::array<std::uint8_t, 16> id,
                                   engine::Engine& storage_engine,
                                   engine::ShardPost& shard_post,
                                   engine::Clock& system_clock,
                                   engine::EventLog& event_log)
        : options(node_options),
          cluster_id(id),
          engine(storage_engine),
          post(shard_post),
          clock(system_clock),
          events(event_log),
          contexts_(shard_post.shard_count()) {}

}  // namespace millrace::broker
