// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/broker/request/requests.h"

#include "broker/protocol/uuid.h"
#include "engine/format/batch_builder.h"
#include "engine/format/batch_reader.h"

#include <gtest/gtest.h>

namespace millrace::testing {

namespace {

using wire::Api;
using Builder = flatbuffers::FlatBufferBuilder;

std::vector<flatbuffers::Offset<wire::KeyValue>> pack(Builder& builder, const Settings& config) {
    std::vector<flatbuffers::Offset<wire::KeyValue>> entries;
    for (const auto& [key, value] : config) {
        entries.push_back(wire::CreateKeyValueDirect(builder, key.c_str(), value.c_str()));
    }
    return entries;
}

}  // namespace

RequestFrame create_topic_request(const std::string& name,
                                  std::uint32_t partitions,
                                  const Settings& config,
                                  bool validate_only,
                                  std::uint32_t timeout_ms) {
    return request_of(Api::create_topics, [&](Builder& builder) {
        const auto entries = pack(builder, config);
        const std::vector topics{
                wire::CreateNewTopicDirect(builder, name.c_str(), partitions, &entries)};
        return wire::CreateCreateTopicsRequestDirect(builder, &topics, validate_only, timeout_ms);
    });
}

RequestFrame restore_topic_request(const std::string& name,
                                   std::uint32_t partitions,
                                   const std::string& staged,
                                   const Settings& config) {
    return request_of(Api::restore_topic, [&](Builder& builder) {
        const auto entries = pack(builder, config);
        const auto topic = wire::CreateNewTopicDirect(builder, name.c_str(), partitions, &entries);
        return wire::CreateRestoreTopicRequestDirect(builder, topic, staged.c_str());
    });
}

RequestFrame delete_topic_request(const std::string& name) {
    return request_of(Api::delete_topics, [&](Builder& builder) {
        const std::vector topics{wire::CreateTopicSelectionDirect(builder, nullptr, name.c_str())};
        return wire::CreateDeleteTopicsRequestDirect(builder, &topics);
    });
}

RequestFrame grow_topic_request(const std::string& name, std::uint32_t partitions) {
    return request_of(Api::create_partitions, [&](Builder& builder) {
        const std::vector topics{
                wire::CreatePartitionGrowthDirect(builder, name.c_str(), partitions)};
        return wire::CreateCreatePartitionsRequestDirect(builder, &topics);
    });
}

RequestFrame alter_topic_request(const std::string& name, const Settings& changes) {
    return request_of(Api::alter_configs, [&](Builder& builder) {
        std::vector<flatbuffers::Offset<wire::ConfigChange>> rows;
        for (const auto& [key, value] : changes) {
            rows.push_back(wire::CreateConfigChangeDirect(
                    builder,
                    key.c_str(),
                    value == "-" ? wire::AlterKind::remove : wire::AlterKind::set,
                    value.c_str()));
        }
        const std::vector resources{wire::CreateAlteredResourceDirect(
                builder, wire::ResourceKind::topic, name.c_str(), &rows)};
        return wire::CreateAlterConfigsRequestDirect(builder, &resources);
    });
}

RequestFrame describe_topic_configs_request(const std::string& name,
                                            const std::vector<std::string>& keys) {
    return request_of(Api::describe_configs, [&](Builder& builder) {
        const auto key_vector = builder.CreateVectorOfStrings(keys);
        const auto name_text = builder.CreateString(name);
        const std::vector resources{wire::CreateConfigResource(
                builder, wire::ResourceKind::topic, name_text, key_vector)};
        return wire::CreateDescribeConfigsRequestDirect(builder, &resources);
    });
}

RequestFrame metadata_request(const std::vector<std::string>& names) {
    return request_of(Api::metadata, [&](Builder& builder) {
        std::vector<flatbuffers::Offset<wire::TopicQuery>> topics;
        for (const auto& name : names) {
            topics.push_back(wire::CreateTopicQueryDirect(builder, nullptr, name.c_str()));
        }
        return wire::CreateMetadataRequestDirect(builder, &topics, names.empty());
    });
}

std::vector<std::byte> batch_of(const std::vector<std::string>& values, std::int64_t timestamp) {
    engine::BatchBuilder builder;
    for (const auto& value : values) {
        engine::RecordParts parts;
        parts.timestamp = timestamp;
        parts.value = std::as_bytes(std::span(value));
        builder.append(parts);
    }
    const auto batch = builder.finish(engine::Codec::none);
    EXPECT_TRUE(batch);
    return {batch->begin(), batch->end()};
}

namespace {

struct PackedBatches {
    std::vector<wire::ProducePartition> rows;
    std::vector<std::byte> payload;
};

PackedBatches pack(const std::vector<Batches>& batches) {
    PackedBatches packed;
    for (const auto& [key, bytes] : batches) {
        packed.rows.emplace_back(broker::to_wire(key.topic),
                                 key.partition,
                                 static_cast<std::uint32_t>(bytes.size()));
        packed.payload.insert(packed.payload.end(), bytes.begin(), bytes.end());
    }
    return packed;
}

}  // namespace

RequestFrame produce_request(const std::vector<Batches>& batches, const ProduceOptions& options) {
    const auto packed = pack(batches);
    return request_of(
            Api::produce,
            [&](Builder& builder) {
                const auto& expected = options.expected_offsets;
                return wire::CreateProduceRequestDirect(builder,
                                                        options.acks,
                                                        options.durability,
                                                        options.timeout_ms,
                                                        &packed.rows,
                                                        expected.empty() ? nullptr : &expected);
            },
            packed.payload,
            options.acks == 0 ? wire::kFlagOneWay : std::uint8_t{0});
}

RequestFrame append_atomic_request(const std::vector<Batches>& batches,
                                   const std::vector<std::int64_t>& expected_offsets,
                                   std::uint32_t timeout_ms) {
    const auto packed = pack(batches);
    return request_of(
            Api::append_atomic,
            [&](Builder& builder) {
                return wire::CreateAppendAtomicRequestDirect(
                        builder,
                        timeout_ms,
                        &packed.rows,
                        expected_offsets.empty() ? nullptr : &expected_offsets);
            },
            packed.payload);
}

RequestFrame fetch_request(const std::vector<Wanted>& wanted, const FetchOptions& options) {
    std::vector<wire::FetchPartition> rows;
    for (const auto& want : wanted) {
        rows.emplace_back(broker::to_wire(want.key.topic),
                          want.key.partition,
                          want.epoch,
                          want.offset,
                          want.bytes_max,
                          0);
    }
    std::vector<wire::PartitionRef> forgotten;
    for (const auto& key : options.forgotten) {
        forgotten.emplace_back(broker::to_wire(key.topic), key.partition, 0);
    }
    return request_of(Api::fetch, [&](Builder& builder) {
        return wire::CreateFetchRequestDirect(builder,
                                              options.session_id,
                                              options.session_epoch,
                                              options.wait_max_ms,
                                              options.bytes_min,
                                              options.bytes_max,
                                              &rows,
                                              &forgotten);
    });
}

RequestFrame list_offsets_request(const engine::PartitionKey& key, std::int64_t timestamp) {
    return request_of(Api::list_offsets, [&](Builder& builder) {
        const std::vector<wire::OffsetQuery> rows{
                {broker::to_wire(key.topic), key.partition, -1, timestamp}};
        return wire::CreateListOffsetsRequestDirect(builder, &rows);
    });
}

RequestFrame verify_records_request(const engine::PartitionKey& key, std::int64_t from) {
    return request_of(Api::verify_records, [&](Builder& builder) {
        const std::vector<wire::RecordVerification> rows{
                {broker::to_wire(key.topic), key.partition, 0, from}};
        return wire::CreateVerifyRecordsRequestDirect(builder, &rows);
    });
}

RequestFrame delete_records_request(const engine::PartitionKey& key, std::int64_t before) {
    return request_of(Api::delete_records, [&](Builder& builder) {
        const std::vector<wire::RecordDeletion> rows{
                {broker::to_wire(key.topic), key.partition, 0, before}};
        return wire::CreateDeleteRecordsRequestDirect(builder, &rows);
    });
}

RequestFrame compact_records_request(const engine::PartitionKey& key, std::uint64_t ticket) {
    return request_of(Api::compact_records, [&](Builder& builder) {
        const std::vector<wire::RecordCompaction> rows{
                {broker::to_wire(key.topic), key.partition, 0, ticket}};
        return wire::CreateCompactRecordsRequestDirect(builder, &rows);
    });
}

std::vector<std::pair<engine::PartitionKey, FetchedRecords>> fetched(const Answer& answer) {
    std::vector<std::pair<engine::PartitionKey, FetchedRecords>> result;
    const auto* response = answer.as<wire::FetchResponse>();
    EXPECT_NE(response, nullptr);
    if (response == nullptr || response->partitions() == nullptr) return result;
    engine::Bytes payload = answer.payload;
    for (const auto* row : *response->partitions()) {
        auto& [key, records] = result.emplace_back();
        key = {broker::from_wire(row->topic()), row->partition()};
        records.error = row->error();
        records.high_watermark = row->high_watermark();
        records.log_start = row->log_start_offset();
        records.diverging_end = row->diverging_end_offset();
        records.diverging_epoch = row->diverging_epoch();
        auto range = payload.first(row->payload_bytes());
        payload = payload.subspan(row->payload_bytes());
        while (!range.empty()) {
            const auto batch = engine::BatchView::parse(range);
            EXPECT_TRUE(batch && batch->crc_is_right());
            if (!batch) break;
            range = range.subspan(batch->size());
            engine::BatchReader reader;
            EXPECT_TRUE(reader.open(*batch, 1U << 24));
            for (auto item = reader.next(); item && *item; item = reader.next()) {
                const auto value = (*item)->record.value.value_or(engine::Bytes());
                records.records.emplace_back(
                        (*item)->offset.value,
                        std::string(reinterpret_cast<const char*>(value.data()), value.size()));
            }
        }
    }
    EXPECT_TRUE(payload.empty()) << "payload that belongs to no partition";
    return result;
}

FetchedRecords fetched_one(const Answer& answer) {
    auto all = fetched(answer);
    EXPECT_EQ(all.size(), 1U) << answer.message();
    return all.empty() ? FetchedRecords() : all.front().second;
}

}  // namespace millrace::testing
