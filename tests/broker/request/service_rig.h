// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The request layer of a whole broker in one thread: every shard's service over the real engine
// on a simulated disk. Connections are doubles, time stands still until nothing else can happen.
#pragma once

#include "broker/request/shard_service.h"
#include "schemas/common_generated.h"
#include "schemas/wire/api.h"
#include "tests/broker/request/peer_double.h"
#include "tests/support/collected_events.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sim_storage.h"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace millrace::testing {

struct RigOptions {
    std::uint32_t shards = 1;
    std::uint64_t wal_bytes = 64ULL << 20;
    bool accept_wal_loss = false;
    bool engine_may_fail = false;  // Else that fails the test.
};

// Timers of one shard, fired by the rig.
class RigTimers final : public broker::TimerService {
public:
    explicit RigTimers(FakeClock& clock) : clock_(clock) {}

    void arm(broker::Timer& timer, engine::MonotonicTime deadline) noexcept override;
    void disarm(broker::Timer& timer) noexcept override;
    // True when one fired.
    bool fire_due();
    [[nodiscard]] engine::MonotonicTime next() const;

private:
    FakeClock& clock_;
    std::vector<broker::Timer*> armed_;
};

class ServiceRig final : engine::ShardPost, engine::EngineListener {
public:
    explicit ServiceRig(SimDisk& disk, const RigOptions& options = {});
    ~ServiceRig() override;
    ServiceRig(const ServiceRig&) = delete;
    ServiceRig& operator=(const ServiceRig&) = delete;

    [[nodiscard]] engine::Result<void> start();
    // Services, then the engine, as the daemon does.
    [[nodiscard]] engine::Result<void> stop();
    // Services only: connections are still there.
    void stop_services();

    // A connection of the shard that has said hello.
    [[nodiscard]] PeerDouble& connect(std::uint32_t shard = 0);
    // One that has not.
    [[nodiscard]] PeerDouble& open(std::uint32_t shard = 0);
    void close(PeerDouble& peer);
    // What was queued on the connection has been sent.
    void drained(PeerDouble& peer);

    // Hands the request to the peer's shard; its answer comes with later rounds.
    void send(PeerDouble& peer, const RequestFrame& request);
    // Sends, and runs until it is answered. A failure of the test when it is not.
    [[nodiscard]] Answer ask(PeerDouble& peer, const RequestFrame& request);

    bool round();
    [[nodiscard]] bool run_until(const std::function<bool()>& condition);
    // Until nothing happens any more without time passing.
    void settle();
    void advance(std::chrono::milliseconds time);

    [[nodiscard]] FakeClock& clock() { return clock_; }

    [[nodiscard]] engine::ShardEngine& engine(std::uint32_t shard) {
        return *shards_[shard]->engine;
    }

    [[nodiscard]] std::string events() const { return events_.text(); }

    [[nodiscard]] broker::NodeOptions& options() { return node_; }

    void post(std::uint32_t shard, engine::PostedTask& task) noexcept override;

    [[nodiscard]] std::uint32_t shard_count() const noexcept override { return options_.shards; }

private:
    struct Shard {
        std::unique_ptr<SimStorage> storage;
        std::unique_ptr<engine::ShardEngine> engine;
        std::unique_ptr<RigTimers> timers;
        std::unique_ptr<broker::ShardService> service;
        std::deque<engine::PostedTask*> posted;
    };

    void engine_failed(engine::Error error, std::string_view what) noexcept override;
    [[nodiscard]] engine::Result<void> run_engines(
            void (engine::ShardEngine::*step)(engine::EngineOp& op));
    [[nodiscard]] engine::Result<void> run_service(
            Shard& shard, void (broker::ShardService::*step)(broker::ServiceOp& op));
    bool turn(Shard& shard);
    bool advance_clock();

    SimDisk& disk_;
    RigOptions options_;
    broker::NodeOptions node_;
    FakeClock clock_;
    engine::Arena arena_{1ULL << 30};
    CollectedEvents events_;
    std::unique_ptr<engine::Engine> engine_;
    std::unique_ptr<broker::ClusterState> cluster_;
    std::vector<std::unique_ptr<Shard>> shards_;
    std::vector<std::unique_ptr<PeerDouble>> peers_;
    std::deque<broker::ServiceOp> service_ops_;
    std::deque<engine::EngineOp> engine_ops_;
    bool stopped_ = false;
};

}  // namespace millrace::testing
