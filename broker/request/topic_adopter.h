// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// This shard's part of topics that begin with files: its partitions are adopted, or removed again.
//
// Thread:      its shard's.
#pragma once

#include "broker/cluster/catalog_publisher.h"
#include "broker/cluster/topic_adoption.h"
#include "engine/engine.h"

#include <cstdint>
#include <deque>
#include <memory>

namespace millrace::broker {

class TopicAdopter {
public:
    TopicAdopter(engine::ShardEngine& engine, std::uint32_t shard, std::uint32_t shards);
    ~TopicAdopter();
    TopicAdopter(const TopicAdopter&) = delete;
    TopicAdopter& operator=(const TopicAdopter&) = delete;

    // Gives the publication back when its op has its outcome, or the logs are out again.
    // Requires: none is under way; shard 0 has one at a time.
    void start(TopicAdoption& adoption, Publication& publication) noexcept;

private:
    void adopt(TopicAdoption& adoption);
    void undo(TopicAdoption& adoption);
    void finish() noexcept;

    engine::ShardEngine& engine_;
    std::uint32_t shard_;
    std::uint32_t shards_;
    Publication* publication_ = nullptr;
    std::deque<engine::EngineOp> removals_;
    std::size_t removing_ = 0;
};

}  // namespace millrace::broker
