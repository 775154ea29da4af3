// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/topic_sample.h"

#include <utility>
#include <vector>

namespace millrace::broker {
namespace {

// Partitions looked at in a turn, of this shard or not: some tens of microseconds.
constexpr std::uint32_t kPartitionsPerTurn = 256;

class TopicWalk final : public SampleWalk {
public:
    TopicWalk(const CatalogView& catalog,
              PartitionTable& partitions,
              std::uint32_t shard,
              std::uint32_t shards,
              SampleDetail detail)
            : partitions_(partitions), shard_(shard), shards_(shards), detail_(detail) {
        topics_.reserve(catalog.topics().size());
        for (const auto& [name, topic] : catalog.topics())
            topics_.push_back(topic);
    }

    bool step(ShardSample& sample) override {
        for (std::uint32_t count = 0; count < kPartitionsPerTurn; ++count) {
            if (topic_ == topics_.size()) return true;
            const auto& topic = *topics_[topic_];
            if (partition_ == topic.partitions) {
                end_topic(topic, sample);
            } else {
                add_partition({topic.id, partition_++});
            }
        }
        return false;
    }

private:
    void end_topic(const Topic& topic, ShardSample& sample) {
        auto ended = std::exchange(current_, {});
        ++topic_;
        partition_ = 0;
        if (ended.partitions == 0) return;
        ended.name = topic.name;
        sample.topics.push_back(std::move(ended));
    }

    void add_partition(const engine::PartitionKey& key) {
        if (engine::shard_of(key, shards_) != shard_) return;
        ++current_.partitions;
        PartitionSample part{.partition = key.partition};
        if (auto* partition = partitions_.find(key); partition != nullptr) {
            const auto& log = partition->log();
            const auto offsets = log.offsets();
            part.start_offset = offsets.log_start.value;
            part.end_offset = offsets.visible_end.value;
            part.size_bytes = log.size_bytes();
            part.segments = log.segment_count();
            current_.traffic += partition->traffic();
            current_.size_bytes += part.size_bytes;
            current_.segments += part.segments;
        }
        if (detail_ == SampleDetail::partitions) current_.details.push_back(part);
    }

    PartitionTable& partitions_;
    const std::uint32_t shard_;
    const std::uint32_t shards_;
    const SampleDetail detail_;
    std::vector<TopicRef> topics_;
    std::size_t topic_ = 0;        // Where the walk is ...
    std::uint32_t partition_ = 0;  // ... and in it.
    TopicSample current_;
};

}  // namespace

std::unique_ptr<SampleWalk> walk_topics(const CatalogView& catalog,
                                        PartitionTable& partitions,
                                        std::uint32_t shard,
                                        std::uint32_t shards,
                                        SampleDetail detail) {
    return std::make_unique<TopicWalk>(catalog, partitions, shard, shards, detail);
}

}  // namespace millrace::broker
