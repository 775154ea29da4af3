// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Joins a shard's engine to its loop: completions run when the storage says so, and a turn of the
// loop ends, before the loop sleeps, with what the engine and the connections have gathered in it.
//
// Lifecycle:   open, set_connections when there are some; close(), let the loop end, destroy.
// Thread:      its shard's.
// Sleep:       the loop sleeps when nothing is left to do, and with `spin` only after nothing has
//              happened for that long.
#pragma once

#include "broker/base/shard_sample.h"
#include "broker/base/timer.h"
#include "broker/net/connection_set.h"
#include "broker/net/loop_turn.h"
#include "engine/engine.h"

#include <uv.h>

#include <chrono>

namespace millrace::broker {

struct RingBridgeParts {
    uv_loop_t& loop;
    engine::Storage& storage;
    engine::ShardEngine& engine;
    TimerService& timers;
    engine::Clock& clock;
    std::chrono::microseconds spin;
};

class RingBridge final : public LoopTurn {
public:
    explicit RingBridge(const RingBridgeParts& parts);

    // Null: there are none (any more).
    void set_connections(ConnectionSet* connections) noexcept { connections_ = connections; }

    // In the middle of a turn: what was appended so far is on its way.
    void over() noexcept override;

    void close() noexcept;

    [[nodiscard]] const LoopSample& counts() const noexcept { return counts_; }

private:
    void completions() noexcept;
    void before_sleep() noexcept;
    void watch_deadline() noexcept;
    void count_turn() noexcept;
    [[nodiscard]] bool must_stay_awake() noexcept;

    RingBridgeParts parts_;
    ConnectionSet* connections_ = nullptr;
    uv_poll_t wake_{};
    uv_prepare_t prepare_{};
    uv_idle_t awake_{};  // Active: the loop polls without waiting.
    Timer deadline_;
    engine::MonotonicTime deadline_at_ = engine::MonotonicTime::max();
    engine::MonotonicTime last_activity_{};
    bool deadline_passed_ = false;
    LoopSample counts_;
    engine::MonotonicTime slept_at_{};  // When the turn before ended, ...
    std::uint64_t idle_ = 0;            // ... and how long the loop had waited by then, ns.
};

}  // namespace millrace::broker
