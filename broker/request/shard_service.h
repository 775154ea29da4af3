// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// All that one shard does with requests: its sessions, handlers, partitions and waiting fetches,
// and its copy of the topic catalogue. Everything of broker/{protocol,request,partition,cluster}
// behind one face; broker/runtime gives it a thread, a loop and sockets.
//
// Lifecycle:   ClusterState first, one per process. Then on each shard's thread: make, start
//              (shard 0 first and done before the others), serve, stop, destroy.
// Thread:      its shard's loop.
#pragma once

#include "broker/base/node_options.h"
#include "broker/base/shard_sample.h"
#include "broker/base/timer.h"
#include "broker/net/frame_handler.h"
#include "engine/engine.h"

#include <cstdint>
#include <memory>
#include <string>

namespace millrace::broker {

// What all shards of one process share: identity, options, the catalogue on shard 0.
class ClusterState {
public:
    // `cluster_id` from meta.json. All references outlive it.
    static std::unique_ptr<ClusterState> make(const NodeOptions& options,
                                              std::array<std::uint8_t, 16> cluster_id,
                                              engine::Engine& engine,
                                              engine::ShardPost& post,
                                              engine::Clock& clock,
                                              engine::EventLog& events);
    virtual ~ClusterState() = default;
    ClusterState(const ClusterState&) = delete;
    ClusterState& operator=(const ClusterState&) = delete;

protected:
    ClusterState() = default;
};

// Owned by the caller, `done` exactly once on the shard's thread.
struct ServiceOp {
    void (*done)(ServiceOp& op) noexcept = nullptr;
    void* owner = nullptr;
    engine::Result<void> outcome;
};

struct ShardServiceParts {
    std::uint32_t shard = 0;
    ClusterState& cluster;
    engine::ShardEngine& engine;
    TimerService& timers;
    // Tells what storage backend the shard runs on, for describe_cluster.
    std::string_view io_name;
};

class ShardService : public FrameHandler {
public:
    static std::unique_ptr<ShardService> make(const ShardServiceParts& parts);
    ~ShardService() override = default;
    ShardService(const ShardService&) = delete;
    ShardService& operator=(const ShardService&) = delete;

    // Shard 0: opens and reads the metadata log, decides which recovered partitions live, calls
    // Engine::recovered_partitions_decided(). Others: take the catalogue over. Listeners may
    // accept when all shards are done. Errors: unknown_topic_id, damaged_range, io_failed.
    virtual void start(ServiceOp& op) = 0;

    // Refuses new requests with shutting_down, ends waiting fetches, lets appends in flight finish
    // and their answers be queued. Then done; the engine is stopped after all shards' services.
    virtual void stop(ServiceOp& op) = 0;

    // Fills in what is counted here. The topics, when `detail` asks for them, are left for the
    // walk that is returned, else null; it ends before the service.
    [[nodiscard]] virtual std::unique_ptr<SampleWalk> sample(SampleDetail detail,
                                                             ShardSample& sample) = 0;

protected:
    ShardService() = default;
};

}  // namespace millrace::broker
