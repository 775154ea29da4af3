// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/engine_core.h"

#include "engine/engine/checkpoint_rounds.h"
#include "engine/engine/shard_engine.h"

#include <utility>

namespace millrace::engine {

namespace {

ShardLink& link_of(PostedTask& task) {
    return *static_cast<LinkTask&>(task).link;
}

}  // namespace

EngineCore::EngineCore(const EngineOptions& options,
                       const EngineParts& parts,
                       RecoveredState&& state)
        : options_(options),
          parts_(parts),
          state_(std::move(state)),
          compaction_rate_(options.compaction_bytes_per_second) {
    for (std::uint32_t index = 0; index < options.shards; ++index) {
        auto& link = links_.emplace_back();
        link.index = index;
        link.core = this;
        for (auto* task : {&link.round.to_shard,
                           &link.round.to_leader,
                           &link.nudge,
                           &link.poison,
                           &link.decided,
                           &link.wake}) {
            task->link = &link;
        }
        link.round.to_shard.run = [](PostedTask& task) noexcept {
            if (auto* engine = link_of(task).engine) engine->round_step();
        };
        link.round.to_leader.run = [](PostedTask& task) noexcept {
            if (auto* rounds = link_of(task).core->rounds_) rounds->answered();
        };
        link.nudge.run = [](PostedTask& task) noexcept {
            auto& from = link_of(task);
            // Before looking: what is set from now on nudges again.
            from.nudged.store(false, std::memory_order_release);
            if (auto* rounds = from.core->rounds_) rounds->look();
        };
        // The turn that follows looks at what has changed: from now on it is woken again.
        link.wake.run = [](PostedTask& task) noexcept {
            link_of(task).woken.store(false, std::memory_order_release);
        };
        link.poison.run = [](PostedTask& task) noexcept {
            auto& to = link_of(task);
            if (to.engine != nullptr) to.engine->poisoned(to.core->reason_);
        };
        link.decided.run = [](PostedTask& task) noexcept {
            if (auto* engine = link_of(task).engine) engine->recovered_decided();
        };
    }
}

void EngineCore::fail(Error error, std::string_view what, std::uint32_t shard) noexcept {
    if (failing_.exchange(true, std::memory_order_acq_rel)) return;
    reason_ = error;
    failed_.store(true, std::memory_order_release);
    for (auto& link : links_) {
        if (link.index != shard) parts_.post.post(link.index, link.poison);
    }
    parts_.listener.engine_failed(error, what);
}

void EngineCore::wake_others(std::uint32_t shard) noexcept {
    for (auto& link : links_) {
        if (link.index == shard || link.woken.exchange(true, std::memory_order_acq_rel)) continue;
        parts_.post.post(link.index, link.wake);
    }
}

void EngineCore::nudge_leader(ShardLink& link) noexcept {
    if (link.nudged.exchange(true, std::memory_order_acq_rel)) return;
    parts_.post.post(0, link.nudge);
}

void EngineCore::decide() noexcept {
    decided_.store(true, std::memory_order_release);
    for (auto& link : links_)
        parts_.post.post(link.index, link.decided);
}

std::uint64_t EngineCore::live_bytes() const noexcept {
    auto bytes = orphan_bytes();
    for (const auto& link : links_)
        bytes += link.live_bytes.load(std::memory_order_relaxed);
    return bytes;
}

bool EngineCore::note_storage_full(bool full) noexcept {
    if (full) return full_shards_.fetch_add(1, std::memory_order_acq_rel) == 0;
    return full_shards_.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

}  // namespace millrace::engine
