// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/topic_adopter.h"

#include "broker/cluster/topic_name.h"
#include "engine/assert.h"

#include <utility>

namespace millrace::broker {

TopicAdopter::TopicAdopter(engine::ShardEngine& engine, std::uint32_t shard, std::uint32_t shards)
        : engine_(engine), shard_(shard), shards_(shards) {}

TopicAdopter::~TopicAdopter() = default;

void TopicAdopter::start(TopicAdoption& adoption, Publication& publication) noexcept {
    ASSERT(publication_ == nullptr);
    publication_ = &publication;
    adoption.undo ? undo(adoption) : adopt(adoption);
}

void TopicAdopter::adopt(TopicAdoption& adoption) {
    const auto& topic = *adoption.topic;
    auto& op = adoption.ops[shard_];
    op.source = adoption.source;
    op.config = topic.log_config;
    for (std::uint32_t partition = 0; partition < topic.partitions; ++partition) {
        const engine::PartitionKey key{topic.id, partition};
        if (engine::shard_of(key, shards_) != shard_) continue;
        op.partitions.push_back({key, partition_directory(topic.name, partition)});
    }
    if (op.partitions.empty()) return finish();
    op.owner = this;
    op.done = [](engine::AdoptOp& over) noexcept {
        static_cast<TopicAdopter*>(over.owner)->finish();
    };
    engine_.adopt(op);
}

void TopicAdopter::undo(TopicAdoption& adoption) {
    removals_.clear();
    removing_ = 1;  // The loop's own.
    for (const auto& [key, directory] : adoption.ops[shard_].partitions) {
        if (engine_.find_log(key) == nullptr) continue;
        ++removing_;
        auto& op = removals_.emplace_back();
        op.owner = this;
        op.done = [](engine::EngineOp& over) noexcept {
            auto& self = *static_cast<TopicAdopter*>(over.owner);
            if (--self.removing_ == 0) self.finish();
        };
        engine_.remove_log(key, op);
    }
    if (--removing_ == 0) finish();
}

void TopicAdopter::finish() noexcept {
    applied(*std::exchange(publication_, nullptr));
}

}  // namespace millrace::broker
