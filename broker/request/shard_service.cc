// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/shard_service.h"

#include "broker/request/dispatcher.h"
#include "broker/request/handlers/fetch.h"
#include "broker/request/request_context.h"
#include "broker/request/topic_sample.h"
#include "engine/assert.h"

#include <string>

namespace millrace::broker {
namespace {

class ShardServiceImpl final : public ShardService {
public:
    ShardServiceImpl(const ShardServiceParts& parts, ClusterStateImpl& cluster)
            : cluster_(cluster), context_(parts, cluster) {
        cluster_.set_context(parts.shard, &context_);
        join_.service = this;
    }

    void start(ServiceOp& op) override {
        start_ = &op;
        if (context_.shard() != 0) {
            // Shard 0 answers with the whole catalogue, as the first of the changes.
            join_.run = &ShardServiceImpl::join_arrives;
            return cluster_.post.post(0, join_);
        }
        TopicCatalogOptions options;
        options.topic_defaults = cluster_.options.topic_defaults;
        options.default_partitions = cluster_.options.default_partitions;
        options.accept_wal_loss = cluster_.options.accept_wal_loss;
        cluster_.catalog = std::make_unique<TopicCatalog>(
                options, cluster_.engine, context_.engine(), cluster_.post, cluster_.events);
        cluster_.catalog->load([this](engine::Result<void> outcome) {
            if (outcome) {
                join_.catalog = cluster_.catalog->subscribe(0, context_);
                take_catalog();
            }
            started(outcome);
        });
    }

    void stop(ServiceOp& op) override {
        stop_ = &op;
        stopping_parts_ = 1;
        if (context_.shard() == 0 && cluster_.catalog != nullptr) {
            ++stopping_parts_;
            cluster_.catalog->stop([this] { part_stopped(); });
        }
        context_.stop([this] { part_stopped(); });
    }

    std::unique_ptr<SampleWalk> sample(SampleDetail detail, ShardSample& sample) override {
        sample.parked_bytes = context_.appends().parked_bytes();
        context_.counters().sample(sample.apis);
        if (detail == SampleDetail::none) return nullptr;
        return walk_topics(context_.catalog(),
                           context_.partitions(),
                           context_.shard(),
                           cluster_.shards(),
                           detail);
    }

    void opened(Peer& peer) noexcept override {
        auto& connection = context_.open_connection(peer);
        peer.handler_state = &connection;
        peer.parked_bytes = &connection.parked_bytes;
    }

    void frame(Peer& peer, IncomingFrame&& frame) noexcept override {
        dispatch(context_, connection_of(peer), std::move(frame));
    }

    void drained(Peer& peer) noexcept override { continue_held_fetches(connection_of(peer)); }

    void closed(Peer& peer) noexcept override {
        auto& connection = connection_of(peer);
        connection.peer = nullptr;
        peer.handler_state = nullptr;
        end_fetches(context_, connection);
        context_.release(connection);
    }

private:
    struct Join : engine::PostedTask {
        ShardServiceImpl* service = nullptr;
        CatalogChangeRef catalog;
    };

    static ClientConnection& connection_of(Peer& peer) noexcept {
        ASSERT(peer.handler_state != nullptr);
        return *static_cast<ClientConnection*>(peer.handler_state);
    }

    // On shard 0.
    static void join_arrives(engine::PostedTask& task) noexcept {
        auto& service = *static_cast<Join&>(task).service;
        auto& cluster = service.cluster_;
        const auto shard = service.context_.shard();
        service.join_.catalog = cluster.catalog->subscribe(shard, service.context_);
        service.join_.run = &ShardServiceImpl::catalog_arrives;
        cluster.post.post(shard, service.join_);
    }

    static void catalog_arrives(engine::PostedTask& task) noexcept {
        auto& service = *static_cast<Join&>(task).service;
        service.take_catalog();
        service.started({});
    }

    void take_catalog() {
        context_.take_catalog(*join_.catalog, cluster_.catalog->recovered());
        join_.catalog = nullptr;
    }

    void started(engine::Result<void> outcome) noexcept {
        start_->outcome = outcome;
        start_->done(*start_);
    }

    void part_stopped() noexcept {
        if (--stopping_parts_ > 0) return;
        stop_->outcome = {};
        stop_->done(*stop_);
    }

    ClusterStateImpl& cluster_;
    RequestContext context_;
    Join join_;
    ServiceOp* start_ = nullptr;
    ServiceOp* stop_ = nullptr;
    std::uint32_t stopping_parts_ = 0;
};

}  // namespace

std::unique_ptr<ShardService> ShardService::make(const ShardServiceParts& parts) {
    // ClusterState::make is the only maker.
    return std::make_unique<ShardServiceImpl>(parts, static_cast<ClusterStateImpl&>(parts.cluster));
}

}  // namespace millrace::broker
