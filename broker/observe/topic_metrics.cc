// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/observe/topic_metrics.h"

#include <algorithm>
#include <map>

namespace millrace::broker {
namespace {

struct TopicTotals {
    Traffic traffic;
    std::uint64_t size_bytes = 0;
    std::uint64_t segments = 0;
    std::uint64_t partitions = 0;
};

using Topics = std::map<std::string_view, TopicTotals>;

Topics totals_of(const BrokerSample& sample) {
    Topics topics;
    for (const auto& shard : sample.shards) {
        for (const auto& topic : shard.topics) {
            auto& sum = topics[topic.name];
            sum.traffic += topic.traffic;
            sum.size_bytes += topic.size_bytes;
            sum.segments += topic.segments;
            sum.partitions += topic.partitions;
        }
    }
    return topics;
}

void add_series(const Topics& topics, MetricPage& page) {
    const auto each = [&topics](MetricSeries series, auto value) {
        for (const auto& [name, sum] : topics)
            series.add({{"topic", name}}, value(sum));
    };
    each(page.counter("millrace_topic_records_in_total",
                      "Records appended since the broker was started."),
         [](const TopicTotals& sum) { return sum.traffic.records_in; });
    each(page.counter("millrace_topic_bytes_in_total",
                      "Bytes of batches appended since the broker was started."),
         [](const TopicTotals& sum) { return sum.traffic.bytes_in; });
    each(page.counter("millrace_topic_records_out_total",
                      "Records fetched since the broker was started."),
         [](const TopicTotals& sum) { return sum.traffic.records_out; });
    each(page.counter("millrace_topic_bytes_out_total",
                      "Bytes of batches fetched since the broker was started."),
         [](const TopicTotals& sum) { return sum.traffic.bytes_out; });
    each(page.gauge("millrace_topic_size_bytes", "Bytes of all readable batches."),
         [](const TopicTotals& sum) { return sum.size_bytes; });
    each(page.gauge("millrace_topic_partitions", "Partitions."),
         [](const TopicTotals& sum) { return sum.partitions; });
}

using Partition = std::pair<std::string_view, const PartitionSample*>;

std::vector<Partition> partitions_of(const BrokerSample& sample) {
    std::vector<Partition> partitions;
    for (const auto& shard : sample.shards) {
        for (const auto& topic : shard.topics) {
            for (const auto& partition : topic.details)
                partitions.emplace_back(topic.name, &partition);
        }
    }
    std::sort(partitions.begin(), partitions.end(), [](const auto& left, const auto& right) {
        if (left.first != right.first) return left.first < right.first;
        return left.second->partition < right.second->partition;
    });
    return partitions;
}

}  // namespace

void TopicMetrics::add_topics(const BrokerSample& sample, MetricPage& page) {
    auto topics = totals_of(sample);
    std::vector<std::string_view> names;
    std::uint64_t segments = 0;
    for (const auto& [name, sum] : topics) {
        names.push_back(name);
        segments += sum.segments;
    }
    page.gauge("millrace_topics", "Topics.").add({}, static_cast<double>(names.size()));
    page.gauge("millrace_log_segments", "Segments of all partitions.").add({}, segments);
    const auto& admitted = cap_.admit(names);
    TopicTotals others;
    std::uint64_t cut = 0;
    std::erase_if(topics, [&](const auto& topic) {
        if (admitted.contains(topic.first)) return false;
        others.traffic += topic.second.traffic;
        others.size_bytes += topic.second.size_bytes;
        others.partitions += topic.second.partitions;
        ++cut;
        return true;
    });
    if (cut > 0) topics[kOtherTopics] = others;
    page.gauge("millrace_metrics_topics_cut",
               "Topics without series of their own, which are counted under __other__.")
            .add({}, cut);
    add_series(topics, page);
}

void TopicMetrics::add_partitions(const BrokerSample& sample, MetricPage& page) {
    auto partitions = partitions_of(sample);
    const auto cut = partitions.size() - std::min(partitions.size(), kPartitionLabelsMax);
    partitions.resize(partitions.size() - cut);
    page.gauge("millrace_metrics_partitions_cut", "Partitions that are left out of this page.")
            .add({}, static_cast<double>(cut));
    const auto each = [&partitions](MetricSeries series, auto value) {
        for (const auto& [topic, partition] : partitions) {
            series.add({{"topic", topic}, {"partition", std::to_string(partition->partition)}},
                       static_cast<double>(value(*partition)));
        }
    };
    each(page.gauge("millrace_partition_start_offset", "The first offset that can be read."),
         [](const PartitionSample& partition) { return partition.start_offset; });
    each(page.gauge("millrace_partition_end_offset",
                    "One above the last offset that can be read: the high watermark."),
         [](const PartitionSample& partition) { return partition.end_offset; });
    each(page.gauge("millrace_partition_size_bytes", "Bytes of all readable batches."),
         [](const PartitionSample& partition) { return partition.size_bytes; });
}

}  // namespace millrace::broker
