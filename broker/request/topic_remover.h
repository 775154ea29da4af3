// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Takes the partitions of deleted topics out of this shard: who waits hears of it, the log and
// its folder go.
//
// Thread:      its shard's.
#pragma once

#include "broker/cluster/catalog_publisher.h"
#include "broker/cluster/topic.h"
#include "broker/partition/partition_table.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::broker {

class TopicRemover {
public:
    TopicRemover(PartitionTable& partitions, engine::ShardEngine& engine, engine::EventLog& events);
    ~TopicRemover();
    TopicRemover(const TopicRemover&) = delete;
    TopicRemover& operator=(const TopicRemover&) = delete;

    // Gives the publication back when all folders' names are free again.
    void remove(const std::vector<TopicRef>& topics, Publication& publication) noexcept;

    // Removals under way.
    [[nodiscard]] std::size_t in_flight() const noexcept { return rounds_.size(); }

private:
    struct Round;
    static void removed(engine::EngineOp& op) noexcept;
    void finish(Round& round) noexcept;

    PartitionTable& partitions_;
    engine::ShardEngine& engine_;
    engine::EventLog& events_;
    std::vector<std::unique_ptr<Round>> rounds_;
};

}  // namespace millrace::broker
