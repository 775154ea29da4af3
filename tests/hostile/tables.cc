// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/tables.h"

#include "broker/protocol/uuid.h"
#include "schemas/init_producer_generated.h"

#include <algorithm>

namespace millrace::testing {

namespace {

using Builder = flatbuffers::FlatBufferBuilder;

RequestFrame alter_request() {
    return request_of(wire::Api::alter_configs, [](Builder& builder) {
        const std::vector changes{wire::CreateConfigChangeDirect(
                builder, "segment.bytes", wire::AlterKind::set, "1048576")};
        const std::vector resources{wire::CreateAlteredResourceDirect(
                builder, wire::ResourceKind::topic, "victim", &changes)};
        return wire::CreateAlterConfigsRequestDirect(builder, &resources, true);
    });
}

RequestFrame create_partitions_request() {
    return request_of(wire::Api::create_partitions, [](Builder& builder) {
        const std::vector topics{wire::CreatePartitionGrowthDirect(builder, "victim", 64)};
        return wire::CreateCreatePartitionsRequestDirect(builder, &topics, true, 1000);
    });
}

RequestFrame epoch_request(const engine::PartitionKey& key) {
    return request_of(wire::Api::offset_for_leader_epoch, [&](Builder& builder) {
        const std::vector<wire::EpochQuery> rows{{broker::to_wire(key.topic), key.partition, 0}};
        return wire::CreateOffsetForLeaderEpochRequestDirect(builder, &rows);
    });
}

}  // namespace

std::vector<Sample> samples(const engine::PartitionKey& key) {
    return {
            {"describe_cluster",
             request_of(
                     wire::Api::describe_cluster,
                     [](Builder& builder) { return wire::CreateDescribeClusterRequest(builder); })},
            {"metadata", metadata_request({"victim", "honest"})},
            {"describe_configs", describe_topic_configs_request("victim", {"segment.bytes"})},
            {"alter_configs", alter_request()},
            {"create_topics", create_topic_request("new", 3, {{"segment.bytes", "1MiB"}}, true)},
            {"delete_topics", delete_topic_request("not-there")},
            {"create_partitions", create_partitions_request()},
            {"produce", produce_request({{key, batch_of({"a record"})}})},
            {"fetch", fetch_request({{key}}, {.wait_max_ms = 0})},
            {"list_offsets", list_offsets_request(key, -1)},
            {"offset_for_leader_epoch", epoch_request(key)},
            {"init_producer",
             request_of(wire::Api::init_producer,
                        [](Builder& builder) { return wire::CreateInitProducerRequest(builder); })},
            {"delete_records", delete_records_request(key, 0)},
            {"append_atomic",
             append_atomic_request({{key, batch_of({"a record"})},
                                    {{key.topic, key.partition + 1}, batch_of({"b"})}},
                                   {-1, -1})},
            {"compact_records", compact_records_request(key)},
            {"verify_records", verify_records_request(key, 0)},
            {"restore_topic",
             restore_topic_request("new", 3, "nothing", {{"segment.bytes", "1MiB"}})},
    };
}

RequestFrame copy_of(const RequestFrame& frame) {
    auto copy = frame;
    copy.memory = std::make_shared<std::vector<std::uint64_t>>(*frame.memory);
    return copy;
}

std::size_t root_at(RequestFrame& frame) {
    return peek<std::uint32_t>(frame, 0);
}

std::size_t vtable_at(RequestFrame& frame, std::size_t table) {
    const auto back = peek<std::int32_t>(frame, table);
    return static_cast<std::size_t>(static_cast<std::int64_t>(table) - back);
}

RequestFrame with_longer_table(const RequestFrame& frame, std::size_t bytes) {
    const auto* data = reinterpret_cast<const std::byte*>(frame.memory->data());
    std::vector<std::byte> table(frame.table_bytes + bytes);
    std::copy_n(data, frame.table_bytes, table.begin());
    return make_frame(static_cast<wire::Api>(frame.header.api),
                      table,
                      {data + frame.table_bytes, frame.payload_bytes},
                      frame.header.flags);
}

}  // namespace millrace::testing
