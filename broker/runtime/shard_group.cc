// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/shard_group.h"

#include "engine/assert.h"

#include <utility>

namespace millrace::broker {

ShardGroup::ShardGroup(std::uint32_t shards, Mailbox& control, StepListener& listener)
        : count_(shards), control_(control), listener_(listener), reports_(shards) {
    for (auto& report : reports_) {
        report.group = this;
        report.run = [](engine::PostedTask& task) noexcept {
            const auto& done = static_cast<Report&>(task);
            done.group->take(done);
        };
    }
}

void ShardGroup::launch(const ShardEnvironment& environment, std::uint32_t connections_max) {
    connections_max_ = connections_max;
    for (std::uint32_t index = 0; index < count_; ++index)
        shards_.push_back(std::make_unique<Shard>(index, environment));
    for (auto& shard : shards_)
        shard->launch();
}

void ShardGroup::begin(ShardStep step) noexcept {
    ASSERT(waiting_ == 0);
    outcome_ = {};
    // The catalogue is on shard 0.
    others_follow_ = step == ShardStep::start_service;
    if (others_follow_) {
        waiting_ = 1;
        shards_.front()->begin(step);
        return;
    }
    waiting_ = count_;
    for (auto& shard : shards_)
        shard->begin(step);
}

void ShardGroup::step_done(std::uint32_t shard,
                           ShardStep step,
                           engine::Result<void> outcome) noexcept {
    auto& report = reports_[shard];
    report.step = step;
    report.outcome = outcome;
    control_.post(report);
}

void ShardGroup::take(const Report& report) noexcept {
    ASSERT(waiting_ > 0);
    if (!report.outcome && outcome_) outcome_ = report.outcome;
    if (--waiting_ > 0) return;
    if (std::exchange(others_follow_, false) && outcome_ && count_ > 1) {
        waiting_ = count_ - 1;
        for (std::uint32_t index = 1; index < count_; ++index)
            shards_[index]->begin(report.step);
        return;
    }
    listener_.step_ended(report.step, outcome_);
}

void ShardGroup::join() {
    for (auto& shard : shards_)
        shard->join();
    shards_.clear();
}

void ShardGroup::post(std::uint32_t shard, engine::PostedTask& task) noexcept {
    ASSERT(shard < shards_.size());
    shards_[shard]->post(task);
}

bool ShardGroup::receive(int socket, std::string_view listener) noexcept {
    ASSERT(count_ > 0);
    std::uint32_t total = 0;
    auto fewest = next_;
    for (std::uint32_t step = 0; step < count_; ++step) {
        const auto index = (next_ + step) % count_;
        const auto connections = shards_[index]->connections();
        total += connections;
        if (connections < shards_[fewest]->connections()) fewest = index;
    }
    if (total >= connections_max_) return false;
    next_ = (fewest + 1) % count_;
    shards_[fewest]->hand_over(socket, listener);
    return true;
}

}  // namespace millrace::broker
