// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/request_context.h"

#include "broker/cluster/topic_name.h"
#include "broker/request/handler_pools.h"
#include "engine/assert.h"

namespace millrace::broker {

RequestContext::RequestContext(const ShardServiceParts& parts, ClusterStateImpl& cluster)
        : cluster_(cluster),
          shard_(parts.shard),
          io_name_(parts.io_name),
          engine_(parts.engine),
          timers_(parts.timers),
          partitions_(parts.engine),
          remover_(partitions_, parts.engine, cluster.events),
          adopter_(parts.engine, parts.shard, cluster.shards()),
          appends_(*this, parts.engine, parts.timers),
          pools_(std::make_unique<HandlerPools>()) {}

RequestContext::~RequestContext() = default;

Partition* RequestContext::find_or_open(const engine::PartitionKey& key,
                                        Missing& missing) noexcept {
    if (auto* partition = partitions_.find(key)) return partition;
    const auto* topic = catalog_.find(key.topic);
    if (topic == nullptr) {
        missing = Missing::topic;
        return nullptr;
    }
    if (key.partition >= topic->partitions) {
        missing = Missing::partition;
        return nullptr;
    }
    ASSERT(shard_of(key) == shard_);
    open(*topic, key);
    return partitions_.find(key);
}

void RequestContext::open(const Topic& topic, const engine::PartitionKey& key) {
    auto& opened =
            partitions_.open(key, partition_directory(topic.name, key.partition), topic.log_config);
    topic.leader_epochs->set(key.partition, opened.log().leader_epoch());
}

void RequestContext::take_catalog(const CatalogChange& everything,
                                  const std::vector<engine::PartitionKey>& recovered) {
    catalog_.apply(everything);
    for (const auto& key : recovered) {
        if (shard_of(key) != shard_) continue;
        const auto* topic = catalog_.find(key.topic);
        if (topic != nullptr && partitions_.find(key) == nullptr) open(*topic, key);
    }
}

void RequestContext::catalog_changed(const CatalogChange& change,
                                     Publication& publication) noexcept {
    std::vector<TopicRef> removed;
    for (const auto& id : change.deleted) {
        const auto* topic = catalog_.find(id);
        if (topic != nullptr) removed.push_back(catalog_.topics().find(topic->name)->second);
    }
    catalog_.apply(change);
    for (const auto& topic : change.changed) {
        for (std::uint32_t partition = 0; partition < topic->partitions; ++partition) {
            const engine::PartitionKey key{topic->id, partition};
            auto* open_partition = partitions_.find(key);
            if (open_partition == nullptr) {
                // Of a topic that began with files.
                if (engine_.find_log(key) != nullptr) open(*topic, key);
                continue;
            }
            open_partition->log().set_config(topic->log_config);
            topic->leader_epochs->set(partition, open_partition->log().leader_epoch());
        }
    }
    remover_.remove(removed, publication);
}

void RequestContext::adopt_topic(TopicAdoption& adoption, Publication& publication) noexcept {
    adopter_.start(adoption, publication);
}

ClientConnection& RequestContext::open_connection(Peer& peer) {
    auto& connection = connections_.take();
    connection.peer = &peer;
    connection.said_hello = false;
    ASSERT(connection.calls == 0 && connection.sessions.empty() && connection.held.empty());
    connection.calls = 1;  // The open connection itself.
    return connection;
}

void RequestContext::release(ClientConnection& connection) noexcept {
    ASSERT(connection.calls > 0);
    if (--connection.calls == 0) connections_.give_back(connection);
}

void RequestContext::call_ended() noexcept {
    ASSERT(calls_ > 0);
    --calls_;
    maybe_stopped();
}

void RequestContext::stop(std::move_only_function<void()> done) {
    stopping_ = true;
    stopped_ = std::move(done);
    appends_.stop();
    pools_->fetches.end_all();
    maybe_stopped();
}

void RequestContext::maybe_stopped() noexcept {
    if (!stopped_ || calls_ > 0) return;
    auto done = std::move(stopped_);
    stopped_ = nullptr;
    done();
}

}  // namespace millrace::broker
