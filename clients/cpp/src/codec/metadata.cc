// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "codec/metadata.h"

#include "codec/table.h"
#include "schemas/metadata_generated.h"

#include <algorithm>

namespace millrace::detail {

namespace {

Result<TopicMetadata> topic_of(const wire::TopicInfo& info, TextBudget& budget) {
    TopicMetadata topic;
    topic.name = budget.take(info.name());
    topic.error = {static_cast<ErrorCode>(info.error()), budget.take(info.message())};
    if (info.id() != nullptr) topic.id = from_wire(*info.id());
    if (!rows_are_aligned(info.partitions())) return misaligned_rows();
    for_each(info.partitions(), [&](const wire::PartitionInfo& partition) {
        topic.partitions.push_back({.partition = partition.partition(),
                                    .leader = partition.leader(),
                                    .leader_epoch = partition.leader_epoch()});
    });
    std::ranges::sort(topic.partitions, {}, &PartitionDescription::partition);
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
        if (topic.partitions[i].partition != i) {
            return malformed_response("partitions that are not numbered from 0 without a hole");
        }
    }
    if (topic.error.code == ErrorCode::none && topic.partitions.empty()) {
        return malformed_response("a topic without partitions");
    }
    return topic;
}

BrokerDescription broker_of(const wire::BrokerInfo& info, TextBudget& budget) {
    return {.id = info.id(),
            .host = budget.take(info.host()),
            .port = info.port(),
            .version = budget.take(info.version())};
}

}  // namespace

EncodedRequest encode_metadata(std::span<const std::string> names) {
    flatbuffers::FlatBufferBuilder builder;
    std::vector<flatbuffers::Offset<wire::TopicQuery>> queries;
    for (const auto& name : names) {
        queries.push_back(wire::CreateTopicQuery(builder, nullptr, builder.CreateString(name)));
    }
    const auto topics = builder.CreateVector(queries);
    builder.Finish(wire::CreateMetadataRequest(builder, topics, false));
    return finish_request(builder, wire::Api::metadata);
}

EncodedRequest encode_metadata_of_all() {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(wire::CreateMetadataRequest(builder, 0, true));
    return finish_request(builder, wire::Api::metadata);
}

Result<std::vector<TopicMetadata>> decode_metadata(const Response& response) {
    const auto table = open_response<wire::MetadataResponse>(response);
    if (!table) return table.error();
    TextBudget budget(response);
    std::vector<TopicMetadata> topics;
    std::size_t rows = 0;
    const auto* infos = (*table)->topics();
    for (flatbuffers::uoffset_t i = 0; infos != nullptr && i < infos->size(); ++i) {
        const auto* info = infos->Get(i);
        // Vectors may be shared between tables: rows are counted as text is.
        rows += info->partitions() != nullptr ? info->partitions()->size() : 0;
        if (rows > response.table.size()) return malformed_response("more rows than bytes");
        auto topic = topic_of(*info, budget);
        if (!topic) return topic.error();
        topics.push_back(*std::move(topic));
    }
    if (budget.overdrawn()) return malformed_response("more text than bytes");
    return topics;
}

EncodedRequest encode_describe_cluster() {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(wire::CreateDescribeClusterRequest(builder));
    return finish_request(builder, wire::Api::describe_cluster);
}

Result<ClusterDescription> decode_describe_cluster(const Response& response) {
    const auto opened = open_response<wire::DescribeClusterResponse>(response);
    if (!opened) return opened.error();
    const auto& table = **opened;
    TextBudget budget(response);
    ClusterDescription cluster;
    if (table.cluster_id() != nullptr) cluster.id = from_wire(*table.cluster_id());
    cluster.controller = table.controller();
    for_each(table.brokers(), [&](const wire::BrokerInfo& info) {
        cluster.brokers.push_back(broker_of(info, budget));
    });
    cluster.io = budget.take(table.io());
    cluster.shards = table.shards();
    cluster.topics = table.topics();
    cluster.partitions = table.partitions();
    if (budget.overdrawn()) return malformed_response("more text than bytes");
    return cluster;
}

}  // namespace millrace::detail
