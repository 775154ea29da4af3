// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/shard.h"

#include "engine/assert.h"

#include <pthread.h>
#include <unistd.h>
#include <utility>

namespace millrace::broker {

namespace {

// For clients to take their last answers.
constexpr std::chrono::seconds kCloseTimeMax{2};
constexpr std::chrono::milliseconds kCloseLookInterval{5};

}  // namespace

// On its way from the thread that accepted to the shard's.
struct Shard::HandOver : engine::PostedTask {
    Shard* shard = nullptr;
    int socket = -1;
    std::string_view listener;
};

Shard::Shard(std::uint32_t index, const ShardEnvironment& environment)
        : index_(index),
          environment_(environment),
          pool_(index, environment.receive, environment.handshake),
          blocks_(environment.responses) {
    const int failed = uv_loop_init(&loop_);
    ASSERT(failed == 0);
    mailbox_.open(loop_);
    step_task_.shard = this;
    step_task_.run = [](engine::PostedTask& task) noexcept {
        auto& step = static_cast<StepTask&>(task);
        step.shard->run_step(step.step);
    };
}

Shard::~Shard() {
    ASSERT(!thread_.joinable());
}

void Shard::launch() {
    thread_ = std::thread([this] { run(); });
    const auto name = "mr-shard-" + std::to_string(index_);
    pthread_setname_np(thread_.native_handle(), name.c_str());
}

void Shard::join() {
    if (thread_.joinable()) thread_.join();
}

void Shard::begin(ShardStep step) noexcept {
    step_task_.step = step;
    mailbox_.post(step_task_);
}

void Shard::hand_over(int socket, std::string_view listener) {
    open_count_.fetch_add(1, std::memory_order_relaxed);
    auto task = std::make_unique<HandOver>();
    task->shard = this;
    task->socket = socket;
    task->listener = listener;
    task->run = [](engine::PostedTask& posted) noexcept {
        const std::unique_ptr<HandOver> over(static_cast<HandOver*>(&posted));
        if (over->shard->connections_ != nullptr) {
            over->shard->connections_->adopt(over->socket, over->listener);
        } else {
            ::close(over->socket);
            over->shard->open_count_.fetch_sub(1, std::memory_order_relaxed);
        }
    };
    mailbox_.post(*task.release());  // Frees itself when it runs.
}

std::unique_ptr<SampleWalk> Shard::sample(SampleDetail detail, ShardSample& sample) noexcept {
    sample.shard = index_;
    if (bridge_ != nullptr) sample.loop = bridge_->counts();
    if (storage_ != nullptr) {
        sample.ring = storage_->ring_counters();
        sample.storage_operations = storage_->in_flight();
    }
    if (engine_ != nullptr) {
        sample.engine = engine_->counters();
        sample.append_room = engine_->room();
        sample.storage_full = engine_->storage_full();
    }
    if (connections_ != nullptr) sample.connections = connections_->counts();
    return service_ == nullptr ? nullptr : service_->sample(detail, sample);
}

void Shard::run() noexcept {
    timers_ = std::make_unique<LoopTimer>(loop_, environment_.clock);
    uv_run(&loop_, UV_RUN_DEFAULT);
    // No handle is left, so nothing runs any more. The service hears from the engine until its end.
    service_.reset();
    timers_.reset();
    bridge_.reset();
    engine_.reset();
    storage_.reset();
    const int failed = uv_loop_close(&loop_);
    ASSERT(failed == 0);
}

void Shard::run_step(ShardStep step) noexcept {
    switch (step) {
        case ShardStep::start_engine:
            return start_engine();
        case ShardStep::start_service:
            return start_service();
        case ShardStep::stop_service:
            return stop_service();
        case ShardStep::close_connections:
            return close_connections();
        case ShardStep::stop_engine:
            return stop_engine();
        case ShardStep::end:
            return end();
    }
}

void Shard::done(ShardStep step, engine::Result<void> outcome) noexcept {
    environment_.watcher.step_done(index_, step, outcome);
}

void Shard::start_engine() noexcept {
    auto storage = environment_.root.make_storage();
    if (!storage) return done(ShardStep::start_engine, std::unexpected(storage.error()));
    storage_ = std::move(*storage);
    engine_ = environment_.engine->make_shard(index_, *storage_);
    bridge_ = std::make_unique<RingBridge>(RingBridgeParts{.loop = loop_,
                                                           .storage = *storage_,
                                                           .engine = *engine_,
                                                           .timers = *timers_,
                                                           .clock = environment_.clock,
                                                           .spin = environment_.spin});
    engine_op_.owner = this;
    engine_op_.done = [](engine::EngineOp& op) noexcept {
        static_cast<Shard*>(op.owner)->done(ShardStep::start_engine, op.outcome);
    };
    engine_->start(engine_op_);
}

void Shard::start_service() noexcept {
    service_ = environment_.make_service({.shard = index_,
                                          .cluster = *environment_.cluster,
                                          .engine = *engine_,
                                          .timers = *timers_,
                                          .io_name = environment_.root.io_name()});
    connections_ =
            std::make_unique<ConnectionSet>(ConnectionSetParts{.loop = loop_,
                                                               .handler = *service_,
                                                               .timers = *timers_,
                                                               .clock = environment_.clock,
                                                               .events = environment_.events,
                                                               .pool = pool_,
                                                               .blocks = blocks_,
                                                               .turn = *bridge_,
                                                               .open_count = open_count_,
                                                               .limits = environment_.limits});
    bridge_->set_connections(connections_.get());
    service_op_.owner = this;
    service_op_.done = [](ServiceOp& op) noexcept {
        static_cast<Shard*>(op.owner)->done(ShardStep::start_service, op.outcome);
    };
    service_->start(service_op_);
}

void Shard::stop_service() noexcept {
    service_op_.done = [](ServiceOp& op) noexcept {
        static_cast<Shard*>(op.owner)->done(ShardStep::stop_service, op.outcome);
    };
    service_->stop(service_op_);
}

void Shard::close_connections() noexcept {
    connections_->close_all("the broker stops", true);
    close_deadline_ = environment_.clock.monotonic_now() + kCloseTimeMax;
    close_timer_.owner = this;
    close_timer_.fired = [](Timer& timer) noexcept {
        static_cast<Shard*>(timer.owner)->look_for_closed();
    };
    look_for_closed();
}

void Shard::look_for_closed() noexcept {
    if (connections_->empty()) {
        bridge_->set_connections(nullptr);
        connections_.reset();
        done(ShardStep::close_connections, {});
        return;
    }
    const auto now = environment_.clock.monotonic_now();
    if (now >= close_deadline_) connections_->close_all("the broker stops", false);
    timers_->arm(close_timer_, now + kCloseLookInterval);
}

void Shard::stop_engine() noexcept {
    engine_op_.done = [](engine::EngineOp& op) noexcept {
        static_cast<Shard*>(op.owner)->done(ShardStep::stop_engine, op.outcome);
    };
    engine_->stop(engine_op_);
}

void Shard::end() noexcept {
    bridge_->close();
    timers_->close();
    mailbox_.close();
    done(ShardStep::end, {});
}

}  // namespace millrace::broker
