// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// All shards of the process: takes them through their steps together, carries tasks between them,
// and spreads connections over them.
//
// Lifecycle:   construct with a control loop that outlives it; launch(); steps one after the other;
//              join(); destroy.
// Thread:      the control loop's; post() any.
#pragma once

#include "broker/net/listener.h"
#include "broker/runtime/mailbox.h"
#include "broker/runtime/shard.h"
#include "engine/shard_post.h"

#include <uv.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::broker {

// Told on the control thread.
class StepListener {
public:
    virtual ~StepListener() = default;
    StepListener(const StepListener&) = delete;
    StepListener& operator=(const StepListener&) = delete;

    // Every shard has done the step; the outcome is the first failure, if there was one.
    virtual void step_ended(ShardStep step, engine::Result<void> outcome) noexcept = 0;

protected:
    StepListener() = default;
};

class ShardGroup final : public engine::ShardPost, public ShardWatcher, public SocketReceiver {
public:
    // `control` is open on the control loop. Shards are made by launch().
    ShardGroup(std::uint32_t shards, Mailbox& control, StepListener& listener);

    void launch(const ShardEnvironment& environment, std::uint32_t connections_max);
    void begin(ShardStep step) noexcept;
    // Ends the shards; what they were launched with may go afterwards.
    void join();

    void post(std::uint32_t shard, engine::PostedTask& task) noexcept override;

    [[nodiscard]] std::uint32_t shard_count() const noexcept override { return count_; }

    // Requires: launched.
    [[nodiscard]] Shard& shard(std::uint32_t index) noexcept { return *shards_[index]; }

    void step_done(std::uint32_t shard,
                   ShardStep step,
                   engine::Result<void> outcome) noexcept override;

    // To the shard with the fewest connections.
    [[nodiscard]] bool receive(int socket, std::string_view listener) noexcept override;

private:
    struct Report : engine::PostedTask {
        ShardGroup* group = nullptr;
        ShardStep step = ShardStep::start_engine;
        engine::Result<void> outcome;
    };

    void take(const Report& report) noexcept;

    const std::uint32_t count_;
    Mailbox& control_;
    StepListener& listener_;
    std::uint32_t connections_max_ = 0;
    std::vector<std::unique_ptr<Shard>> shards_;
    std::vector<Report> reports_;  // One a shard, since a shard does one step at a time.
    std::uint32_t waiting_ = 0;    // Shards whose report of this step is missing.
    bool others_follow_ = false;   // Shard 0 goes first in this step.
    engine::Result<void> outcome_;
    std::uint32_t next_ = 0;  // Where the search for the emptiest shard begins.
};

}  // namespace millrace::broker
