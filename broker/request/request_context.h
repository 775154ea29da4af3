// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What the handlers of one shard share: its catalogue, partitions, writer and pools.
//
// Thread:      its shard's.
#pragma once

#include "broker/cluster/catalog_view.h"
#include "broker/partition/append_queue.h"
#include "broker/partition/partition_table.h"
#include "broker/protocol/response_writer.h"
#include "broker/request/client_connection.h"
#include "broker/request/cluster_state.h"
#include "broker/request/object_pool.h"
#include "broker/request/request_counters.h"
#include "broker/request/topic_adopter.h"
#include "broker/request/topic_remover.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace millrace::broker {

struct HandlerPools;

class RequestContext final : public PartitionSource, public CatalogSubscriber {
public:
    RequestContext(const ShardServiceParts& parts, ClusterStateImpl& cluster);
    ~RequestContext() override;

    [[nodiscard]] ClusterStateImpl& cluster() noexcept { return cluster_; }

    [[nodiscard]] std::uint32_t shard() const noexcept { return shard_; }

    [[nodiscard]] std::string_view io_name() const noexcept { return io_name_; }

    [[nodiscard]] engine::ShardEngine& engine() noexcept { return engine_; }

    [[nodiscard]] TimerService& timers() noexcept { return timers_; }

    [[nodiscard]] const CatalogView& catalog() const noexcept { return catalog_; }

    [[nodiscard]] AppendQueue& appends() noexcept { return appends_; }

    [[nodiscard]] ResponseWriter& writer() noexcept { return writer_; }

    [[nodiscard]] HandlerPools& pools() noexcept { return *pools_; }

    [[nodiscard]] RequestCounters& counters() noexcept { return counters_; }

    [[nodiscard]] PartitionTable& partitions() noexcept { return partitions_; }

    [[nodiscard]] std::uint32_t shard_of(const engine::PartitionKey& key) const noexcept {
        return engine::shard_of(key, cluster_.shards());
    }

    [[nodiscard]] engine::MonotonicTime now() noexcept { return cluster_.clock.monotonic_now(); }

    // The partition when it belongs to this shard and exists; opened at its first use.
    [[nodiscard]] Partition* find_or_open(const engine::PartitionKey& key,
                                          Missing& missing) noexcept override;

    // Takes the whole catalogue over and opens the partitions that hold records.
    void take_catalog(const CatalogChange& everything,
                      const std::vector<engine::PartitionKey>& recovered);
    void catalog_changed(const CatalogChange& change, Publication& publication) noexcept override;
    void adopt_topic(TopicAdoption& adoption, Publication& publication) noexcept override;

    // Connections and their requests in flight.
    [[nodiscard]] ClientConnection& open_connection(Peer& peer);
    void release(ClientConnection& connection) noexcept;

    void call_began() noexcept { ++calls_; }

    void call_ended() noexcept;

    // From now on new requests are refused; `done` when the last one has been answered.
    void stop(std::move_only_function<void()> done);

    [[nodiscard]] bool stopping() const noexcept { return stopping_; }

private:
    void open(const Topic& topic, const engine::PartitionKey& key);
    void maybe_stopped() noexcept;

    ClusterStateImpl& cluster_;
    std::uint32_t shard_;
    std::string_view io_name_;
    engine::ShardEngine& engine_;
    TimerService& timers_;
    CatalogView catalog_;
    PartitionTable partitions_;
    TopicRemover remover_;
    TopicAdopter adopter_;
    AppendQueue appends_;
    ResponseWriter writer_;
    ObjectPool<ClientConnection> connections_;
    std::unique_ptr<HandlerPools> pools_;
    RequestCounters counters_;
    std::uint64_t calls_ = 0;
    bool stopping_ = false;
    std::move_only_function<void()> stopped_;
};

}  // namespace millrace::broker
