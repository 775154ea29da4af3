// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a broker sends, which may be anybody: through the client's frame reader to the decoder of
// the API that the frame names. This is what stands below the command line.
#include "codec/compactions.h"
#include "codec/configs.h"
#include "codec/data.h"
#include "codec/deletions.h"
#include "codec/hello.h"
#include "codec/metadata.h"
#include "codec/offsets.h"
#include "codec/producers.h"
#include "codec/table.h"
#include "codec/topics.h"
#include "engine/assert.h"
#include "net/frame_reader.h"
#include "schemas/append_atomic_generated.h"
#include "schemas/compact_records_generated.h"
#include "schemas/configs_generated.h"
#include "schemas/delete_records_generated.h"
#include "schemas/describe_cluster_generated.h"
#include "schemas/fetch_generated.h"
#include "schemas/init_producer_generated.h"
#include "schemas/metadata_generated.h"
#include "schemas/offsets_generated.h"
#include "schemas/produce_generated.h"
#include "schemas/topics_generated.h"
#include "tests/fuzz/fuzzer.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace millrace::fuzz {

namespace {

using Builder = flatbuffers::FlatBufferBuilder;
using wire::Api;

constexpr std::uint32_t kFrameBytesMax = 1U << 20;

// What was asked for: answers must agree with it.
const std::array<std::string, 2> kNames{"orders", "payments"};
const wire::Uuid kTopic(1, 2);

detail::ProduceRow produced_row(std::uint32_t partition) {
    return {.topic = detail::from_wire(kTopic), .partition = partition, .payload_bytes = 0};
}

detail::OffsetRow offset_row(std::uint32_t partition) {
    return {.topic = detail::from_wire(kTopic), .partition = partition};
}

detail::DeletionRow deletion_row(std::uint32_t partition) {
    return {.topic = detail::from_wire(kTopic), .partition = partition};
}

void check_fetched(const detail::Response& response) {
    const auto fetched = detail::decode_fetch(response);
    if (!fetched) return;
    for (const auto& row : fetched->partitions) {
        ASSERT(row.payload_begin + row.payload_bytes <= response.payload.size());
    }
}

void check_topics(const Result<std::vector<TopicOutcome>>& outcomes) {
    if (outcomes) ASSERT(outcomes->size() == kNames.size());
}

void decode(const detail::Response& response) {
    const std::array produced{produced_row(0), produced_row(1)};
    const std::array listed{offset_row(0), offset_row(1)};
    switch (static_cast<Api>(response.header.api)) {
        case Api::hello:
            static_cast<void>(detail::decode_hello(response));
            return;
        case Api::produce: {
            const auto rows = detail::decode_produce(response, produced);
            if (rows) ASSERT(rows->size() == produced.size());
            return;
        }
        case Api::fetch:
            return check_fetched(response);
        case Api::list_offsets: {
            const auto rows = detail::decode_list_offsets(response, listed);
            if (rows) ASSERT(rows->size() == listed.size());
            return;
        }
        case Api::delete_records: {
            const std::array deleted{deletion_row(0), deletion_row(1)};
            const auto rows = detail::decode_delete_records(response, deleted);
            if (rows) ASSERT(rows->size() == deleted.size());
            return;
        }
        case Api::append_atomic: {
            const std::array stored{produced_row(0), produced_row(1)};
            const auto rows = detail::decode_append_atomic(response, stored);
            if (rows) ASSERT(rows->size() == stored.size());
            return;
        }
        case Api::compact_records: {
            const std::array<detail::CompactionRow, 2> asked{
                    {{deletion_row(0).topic, 0, 0}, {deletion_row(1).topic, 1, 7}}};
            const auto rows = detail::decode_compact_records(response, asked);
            if (rows) ASSERT(rows->size() == asked.size());
            return;
        }
        case Api::metadata:
            static_cast<void>(detail::decode_metadata(response));
            return;
        case Api::describe_cluster:
            static_cast<void>(detail::decode_describe_cluster(response));
            return;
        case Api::init_producer:
            if (const auto id = detail::decode_init_producer(response)) ASSERT(*id >= 0);
            return;
        case Api::create_topics:
            return check_topics(detail::decode_create_topics(response, kNames));
        case Api::delete_topics:
            return check_topics(detail::decode_delete_topics(response, kNames));
        case Api::create_partitions:
            return check_topics(detail::decode_create_partitions(response, kNames));
        case Api::describe_configs:
            static_cast<void>(detail::decode_describe_configs(response));
            return;
        case Api::alter_configs:
            static_cast<void>(detail::decode_alter_configs(response));
            return;
        default:
            return;
    }
}

void run(engine::Bytes input) {
    detail::FrameReader reader(kFrameBytesMax);
    while (!input.empty()) {
        const auto room = reader.room();
        ASSERT(!room.empty());
        const auto size = std::min(room.size(), input.size());
        std::memcpy(room.data(), input.data(), size);
        reader.arrived(size);
        input = input.subspan(size);
        for (;;) {
            const auto response = reader.next();
            if (!response) return;
            if (!*response) break;
            decode(**response);
        }
    }
}

void seal(Input& input) {
    seal_frame(input, wire::kFlagResponse);
}

template <class Pack>
Input answer(Api api, Pack pack, std::size_t payload_bytes = 0) {
    Builder builder;
    builder.Align(8);
    builder.Finish(pack(builder));
    const auto table_bytes = wire::padded(builder.GetSize());
    Input frame(wire::kFrameHeaderBytes + table_bytes + payload_bytes);
    wire::FrameHeader header;
    header.api = static_cast<std::uint16_t>(api);
    header.api_version = detail::kApiVersion;
    header.flags = wire::kFlagResponse;
    header.table_bytes = table_bytes;
    header.frame_bytes = static_cast<std::uint32_t>(frame.size()) - 4;
    put_header(frame, header);
    std::memcpy(
            frame.data() + wire::kFrameHeaderBytes, builder.GetBufferPointer(), builder.GetSize());
    return frame;
}

Input hello_answer() {
    wire::HelloResponse fixed;
    fixed.api_count = 2;
    fixed.version_bytes = 5;
    fixed.request_bytes_max = kFrameBytesMax;
    fixed.requests_in_flight_max = 64;
    fixed.bytes_in_flight_max = kFrameBytesMax;
    const std::array<wire::ApiRange, 2> ranges{{{.api = 1, .version_min = 1, .version_max = 1},
                                                {.api = 2, .version_min = 1, .version_max = 1}}};
    Input frame(wire::kFrameHeaderBytes + sizeof fixed + sizeof ranges + 8);
    wire::FrameHeader header;
    header.api = static_cast<std::uint16_t>(Api::hello);
    header.flags = wire::kFlagResponse;
    header.frame_bytes = static_cast<std::uint32_t>(frame.size()) - 4;
    put_header(frame, header);
    auto* at = frame.data() + wire::kFrameHeaderBytes;
    std::memcpy(at, &fixed, sizeof fixed);
    std::memcpy(at + sizeof fixed, ranges.data(), sizeof ranges);
    std::memcpy(at + sizeof fixed + sizeof ranges, "1.2.3", fixed.version_bytes);
    return frame;
}

std::vector<flatbuffers::Offset<wire::RowMessage>> row_messages(Builder& builder) {
    return {wire::CreateRowMessageDirect(builder, 1, "There is no such partition.")};
}

std::vector<Input> record_answers() {
    return {answer(Api::produce,
                   [](Builder& builder) {
                       const std::vector<wire::ProducedPartition> rows{
                               {kTopic, 0, 0, 0, 7, -1, 0}, {kTopic, 1, 3, 0, -1, -1, -1}};
                       const auto messages = row_messages(builder);
                       return wire::CreateProduceResponseDirect(
                               builder, 0, nullptr, 0, &rows, &messages);
                   }),
            answer(Api::append_atomic,
                   [](Builder& builder) {
                       const std::vector<wire::ProducedPartition> rows{{kTopic, 0, 0, 0, 7, -1, 0},
                                                                       {kTopic, 1, 0, 0, 9, 5, 0}};
                       return wire::CreateAppendAtomicResponseDirect(builder, 0, nullptr, 0, &rows);
                   }),
            answer(
                    Api::fetch,
                    [](Builder& builder) {
                        const std::vector<wire::FetchedPartition> rows{
                                {kTopic, 0, 0, 0, 9, 0, -1, -1, 40},
                                {kTopic, 1, 3, 0, -1, -1, -1, -1, 0}};
                        const auto messages = row_messages(builder);
                        return wire::CreateFetchResponseDirect(
                                builder, 0, nullptr, 0, 5, 1, &rows, &messages);
                    },
                    40),
            answer(Api::list_offsets,
                   [](Builder& builder) {
                       const std::vector<wire::ListedOffset> rows{
                               {kTopic, 0, 0, 0, 9, 5, 0, 9, 100, 0, 0},
                               {kTopic, 1, 3, 0, -1, -1, -1, -1, 0, 0, 0}};
                       const auto messages = row_messages(builder);
                       return wire::CreateListOffsetsResponseDirect(
                               builder, 0, nullptr, 0, &rows, &messages);
                   }),
            answer(Api::compact_records,
                   [](Builder& builder) {
                       const std::vector<wire::CompactedRecords> rows{
                               {kTopic, 0, 0, 1, 5, 3, 1, 100, 10, 9000, 900},
                               {kTopic, 1, 0, 0, 6, 0, 0, 0, 0, 0, 0}};
                       const auto messages = row_messages(builder);
                       return wire::CreateCompactRecordsResponseDirect(
                               builder, 0, nullptr, 0, &rows, &messages);
                   }),
            answer(Api::delete_records, [](Builder& builder) {
                const std::vector<wire::DeletedRecords> rows{{kTopic, 0, 0, 0, 9, 700, 2, 0},
                                                             {kTopic, 1, 3, 0, -1, 0, 0, 0}};
                const auto messages = row_messages(builder);
                return wire::CreateDeleteRecordsResponseDirect(
                        builder, 0, nullptr, 0, &rows, &messages);
            })};
}

std::vector<Input> cluster_answers() {
    const auto brokers = [](Builder& builder) {
        return std::vector{wire::CreateBrokerInfoDirect(builder, 1, "localhost", 9192, "1.2.3")};
    };
    return {answer(Api::metadata,
                   [&](Builder& builder) {
                       const auto infos = brokers(builder);
                       const std::vector<wire::PartitionInfo> partitions{{0, 1, 0, 0, 0},
                                                                         {1, 1, 0, 0, 0}};
                       const std::vector topics{
                               wire::CreateTopicInfoDirect(
                                       builder, 0, nullptr, &kTopic, "orders", &partitions),
                               wire::CreateTopicInfoDirect(builder, 3, "None.", nullptr, "x")};
                       return wire::CreateMetadataResponseDirect(
                               builder, 0, nullptr, 0, &kTopic, 1, &infos, &topics);
                   }),
            answer(Api::describe_cluster,
                   [&](Builder& builder) {
                       const auto infos = brokers(builder);
                       return wire::CreateDescribeClusterResponseDirect(
                               builder, 0, nullptr, 0, &kTopic, 1, &infos, "uring", 2, 3, 4);
                   }),
            answer(Api::init_producer,
                   [](Builder& builder) {
                       return wire::CreateInitProducerResponse(builder, 0, 0, 0, 4711, 0);
                   }),
            answer(Api::metadata, [](Builder& builder) {
                return wire::CreateMetadataResponseDirect(builder, 6, "Not now.");
            })};
}

std::vector<flatbuffers::Offset<wire::TopicResult>> topic_results(Builder& builder) {
    return {wire::CreateTopicResultDirect(builder, 0, nullptr, "orders", &kTopic, 3),
            wire::CreateTopicResultDirect(builder, 4, "It exists.", "payments")};
}

std::vector<Input> topic_answers() {
    return {answer(Api::create_topics,
                   [](Builder& builder) {
                       const auto rows = topic_results(builder);
                       return wire::CreateCreateTopicsResponseDirect(builder, 0, nullptr, 0, &rows);
                   }),
            answer(Api::delete_topics,
                   [](Builder& builder) {
                       const auto rows = topic_results(builder);
                       return wire::CreateDeleteTopicsResponseDirect(builder, 0, nullptr, 0, &rows);
                   }),
            answer(Api::create_partitions, [](Builder& builder) {
                const auto rows = topic_results(builder);
                return wire::CreateCreatePartitionsResponseDirect(builder, 0, nullptr, 0, &rows);
            })};
}

std::vector<Input> config_answers() {
    return {answer(Api::describe_configs,
                   [](Builder& builder) {
                       const std::vector entries{
                               wire::CreateConfigEntryDirect(builder,
                                                             "segment.bytes",
                                                             "1048576",
                                                             wire::ConfigSource::topic,
                                                             "1073741824",
                                                             false,
                                                             "Of a segment.",
                                                             "a size")};
                       const std::vector resources{wire::CreateDescribedResourceDirect(
                               builder, 0, nullptr, wire::ResourceKind::topic, "orders", &entries)};
                       return wire::CreateDescribeConfigsResponseDirect(
                               builder, 0, nullptr, 0, &resources);
                   }),
            answer(Api::alter_configs, [](Builder& builder) {
                const std::vector results{wire::CreateAlterResultDirect(
                        builder, 9, "No value.", wire::ResourceKind::topic, "orders")};
                return wire::CreateAlterConfigsResponseDirect(builder, 0, nullptr, 0, &results);
            })};
}

// A text that every entry shows again: all of it together is more than came.
Input repeated_text_answer() {
    return answer(Api::describe_configs, [](Builder& builder) {
        const auto text = builder.CreateString(std::string(3000, 't'));
        const auto entry = wire::CreateConfigEntry(
                builder, text, text, wire::ConfigSource::topic, text, false, text, text);
        const std::vector entries(20, entry);
        const std::vector resources{wire::CreateDescribedResourceDirect(
                builder, 0, nullptr, wire::ResourceKind::topic, "orders", &entries)};
        return wire::CreateDescribeConfigsResponseDirect(builder, 0, nullptr, 0, &resources);
    });
}

std::vector<Input> seeds() {
    std::vector<Input> all{hello_answer(), repeated_text_answer()};
    for (auto answers : {record_answers(), cluster_answers(), topic_answers(), config_answers()})
        std::ranges::move(answers, std::back_inserter(all));
    return all;
}

const Registration kRegistration({{.name = "response", .run = run, .seeds = seeds, .seal = seal}});

}  // namespace

}  // namespace millrace::fuzz
