// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/topic_remover.h"

#include "engine/assert.h"

#include <algorithm>
#include <deque>

namespace millrace::broker {

struct TopicRemover::Round {
    TopicRemover* remover = nullptr;
    Publication* publication = nullptr;
    std::deque<engine::EngineOp> ops;
    std::size_t waiting = 1;  // The first one is remove()'s own.
};

TopicRemover::TopicRemover(PartitionTable& partitions,
                           engine::ShardEngine& engine,
                           engine::EventLog& events)
        : partitions_(partitions), engine_(engine), events_(events) {}

TopicRemover::~TopicRemover() = default;

void TopicRemover::remove(const std::vector<TopicRef>& topics, Publication& publication) noexcept {
    auto& round = *rounds_.emplace_back(std::make_unique<Round>());
    round.remover = this;
    round.publication = &publication;
    for (const auto& topic : topics) {
        for (std::uint32_t partition = 0; partition < topic->partitions; ++partition) {
            // Partitions with records are open since the start; others have nothing to remove.
            const engine::PartitionKey key{topic->id, partition};
            if (partitions_.find(key) == nullptr) continue;
            partitions_.close(key);
            auto& op = round.ops.emplace_back();
            op.owner = &round;
            op.done = &TopicRemover::removed;
            ++round.waiting;
            engine_.remove_log(key, op);
        }
    }
    finish(round);
}

void TopicRemover::removed(engine::EngineOp& op) noexcept {
    auto& round = *static_cast<Round*>(op.owner);
    if (!op.outcome) {
        round.remover->events_.event(engine::Level::error,
                                     "partition.remove_failed",
                                     "The folder of a deleted partition could not be removed.",
                                     {{"error", std::string(name_of(op.outcome.error().code))}});
    }
    round.remover->finish(round);
}

void TopicRemover::finish(Round& round) noexcept {
    if (--round.waiting > 0) return;
    applied(*round.publication);
    const auto found = std::find_if(rounds_.begin(), rounds_.end(), [&](const auto& owned) {
        return owned.get() == &round;
    });
    ASSERT(found != rounds_.end());
    rounds_.erase(found);
}

}  // namespace millrace::broker
