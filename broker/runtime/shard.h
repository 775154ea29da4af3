// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One thread, one loop, one engine, one service, and their connections.
//
// Lifecycle:   construct, launch(), then the steps in their order, each when the one before is done
//              (on every shard, where ShardGroup says so); join() after the last; destroy.
// Thread:      the control thread's, but for what says otherwise; post() any.
#pragma once

#include "broker/net/connection_set.h"
#include "broker/net/receive_pool.h"
#include "broker/net/send_queue.h"
#include "broker/request/shard_service.h"
#include "broker/runtime/loop_timer.h"
#include "broker/runtime/mailbox.h"
#include "broker/runtime/ring_bridge.h"
#include "engine/engine.h"
#include "engine/storage_root.h"

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace millrace::broker {

enum class ShardStep : std::uint8_t {
    start_engine,
    start_service,
    stop_service,       // New requests are refused; answers of old ones are queued.
    close_connections,  // What is queued is sent, for a while.
    stop_engine,
    end,  // The thread returns.
};

// Told on the shard's thread when a step is done.
class ShardWatcher {
public:
    virtual ~ShardWatcher() = default;
    ShardWatcher(const ShardWatcher&) = delete;
    ShardWatcher& operator=(const ShardWatcher&) = delete;

    virtual void step_done(std::uint32_t shard,
                           ShardStep step,
                           engine::Result<void> outcome) noexcept = 0;

protected:
    ShardWatcher() = default;
};

// What all shards share.
struct ShardEnvironment {
    engine::StorageRoot& root;
    engine::Clock& clock;
    engine::EventLog& events;
    ShardWatcher& watcher;
    ReceiveBudget& receive;
    ReceiveBudget& handshake;
    ResponseBudget& responses;
    ConnectionLimits limits;
    std::chrono::microseconds spin{0};
    std::unique_ptr<ShardService> (*make_service)(const ShardServiceParts& parts) = nullptr;
    // Set before the first step.
    engine::Engine* engine = nullptr;
    ClusterState* cluster = nullptr;
};

class Shard {
public:
    Shard(std::uint32_t index, const ShardEnvironment& environment);
    ~Shard();
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;

    void launch();
    // Requires: the step before is done.
    void begin(ShardStep step) noexcept;
    void join();

    void post(engine::PostedTask& task) noexcept { mailbox_.post(task); }

    // Any thread. Gives an accepted socket to the shard, which is serving.
    void hand_over(int socket, std::string_view listener);

    // Copies what is counted here; the walk, unless it is null, goes on in later tasks.
    // Thread: the shard's, in a task posted to it.
    [[nodiscard]] std::unique_ptr<SampleWalk> sample(SampleDetail detail,
                                                     ShardSample& sample) noexcept;

    [[nodiscard]] std::uint32_t connections() const noexcept {
        return open_count_.load(std::memory_order_relaxed);
    }

private:
    struct StepTask : engine::PostedTask {
        Shard* shard = nullptr;
        ShardStep step = ShardStep::start_engine;
    };

    struct HandOver;

    void run() noexcept;
    void run_step(ShardStep step) noexcept;
    void start_engine() noexcept;
    void start_service() noexcept;
    void stop_service() noexcept;
    void close_connections() noexcept;
    void look_for_closed() noexcept;
    void stop_engine() noexcept;
    void end() noexcept;
    void done(ShardStep step, engine::Result<void> outcome) noexcept;

    const std::uint32_t index_;
    const ShardEnvironment& environment_;
    uv_loop_t loop_{};
    Mailbox mailbox_;
    std::atomic<std::uint32_t> open_count_{0};
    ReceivePool pool_;
    SendBlockPool blocks_;
    StepTask step_task_;
    std::thread thread_;

    // The shard's thread's alone.
    std::unique_ptr<LoopTimer> timers_;
    std::unique_ptr<engine::Storage> storage_;
    std::unique_ptr<engine::ShardEngine> engine_;
    std::unique_ptr<RingBridge> bridge_;
    std::unique_ptr<ShardService> service_;
    std::unique_ptr<ConnectionSet> connections_;
    engine::EngineOp engine_op_;
    ServiceOp service_op_;
    Timer close_timer_;
    engine::MonotonicTime close_deadline_{};
};

}  // namespace millrace::broker
