// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "codec/topics.h"

#include "codec/table.h"
#include "schemas/restore_topic_generated.h"
#include "schemas/topics_generated.h"

namespace millrace::detail {

namespace {

std::uint32_t wire_timeout(std::chrono::milliseconds timeout) {
    return static_cast<std::uint32_t>(timeout.count());
}

flatbuffers::Offset<wire::NewTopic> write_topic(flatbuffers::FlatBufferBuilder& builder,
                                                const NewTopic& topic) {
    std::vector<flatbuffers::Offset<wire::KeyValue>> config;
    config.reserve(topic.config.size());
    for (const auto& [key, value] : topic.config) {
        config.push_back(wire::CreateKeyValueDirect(builder, key.c_str(), value.c_str()));
    }
    return wire::CreateNewTopic(builder,
                                builder.CreateString(topic.name),
                                topic.partitions,
                                builder.CreateVector(config));
}

template <class Table>
Result<std::vector<TopicOutcome>> decode(const Response& response,
                                         std::span<const std::string> names) {
    const auto opened = open_response<Table>(response);
    if (!opened) return opened.error();
    const auto* rows = (*opened)->topics();
    if (rows == nullptr || rows->size() != names.size()) {
        return malformed_response("another number of topics than the request");
    }
    TextBudget budget(response);
    std::vector<TopicOutcome> outcomes;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto& row = *rows->Get(static_cast<flatbuffers::uoffset_t>(i));
        TopicOutcome outcome;
        outcome.name = names[i];
        if (row.id() != nullptr) outcome.id = from_wire(*row.id());
        outcome.partitions = row.partitions();
        outcome.error.code = static_cast<ErrorCode>(row.error());
        if (outcome.error.code != ErrorCode::none) {
            outcome.error.message = budget.take(row.message());
            if (outcome.error.message.empty()) {
                outcome.error.message =
                        "Topic " + names[i] + ": " + std::string(sentence_of(outcome.error.code));
            }
        }
        outcomes.push_back(std::move(outcome));
    }
    return outcomes;
}

}  // namespace

EncodedRequest encode_create_topics(std::span<const NewTopic> topics,
                                    bool validate_only,
                                    std::chrono::milliseconds timeout) {
    flatbuffers::FlatBufferBuilder builder;
    std::vector<flatbuffers::Offset<wire::NewTopic>> rows;
    for (const auto& topic : topics)
        rows.push_back(write_topic(builder, topic));
    const auto vector = builder.CreateVector(rows);
    builder.Finish(
            wire::CreateCreateTopicsRequest(builder, vector, validate_only, wire_timeout(timeout)));
    return finish_request(builder, wire::Api::create_topics);
}

EncodedRequest encode_restore_topic(const NewTopic& topic,
                                    const std::string& staged,
                                    std::chrono::milliseconds timeout) {
    flatbuffers::FlatBufferBuilder builder;
    const auto row = write_topic(builder, topic);
    const auto name = builder.CreateString(staged);
    builder.Finish(wire::CreateRestoreTopicRequest(builder, row, name, wire_timeout(timeout)));
    return finish_request(builder, wire::Api::restore_topic);
}

EncodedRequest encode_delete_topics(std::span<const std::string> names,
                                    std::chrono::milliseconds timeout) {
    flatbuffers::FlatBufferBuilder builder;
    std::vector<flatbuffers::Offset<wire::TopicSelection>> rows;
    for (const auto& name : names) {
        rows.push_back(wire::CreateTopicSelection(builder, nullptr, builder.CreateString(name)));
    }
    const auto vector = builder.CreateVector(rows);
    builder.Finish(wire::CreateDeleteTopicsRequest(builder, vector, wire_timeout(timeout)));
    return finish_request(builder, wire::Api::delete_topics);
}

EncodedRequest encode_create_partitions(std::span<const NewTopic> topics,
                                        std::chrono::milliseconds timeout) {
    flatbuffers::FlatBufferBuilder builder;
    std::vector<flatbuffers::Offset<wire::PartitionGrowth>> rows;
    for (const auto& topic : topics) {
        rows.push_back(wire::CreatePartitionGrowth(
                builder, builder.CreateString(topic.name), topic.partitions));
    }
    const auto vector = builder.CreateVector(rows);
    builder.Finish(
            wire::CreateCreatePartitionsRequest(builder, vector, false, wire_timeout(timeout)));
    return finish_request(builder, wire::Api::create_partitions);
}

Result<std::vector<TopicOutcome>> decode_create_topics(const Response& response,
                                                       std::span<const std::string> names) {
    return decode<wire::CreateTopicsResponse>(response, names);
}

Result<std::vector<TopicOutcome>> decode_restore_topic(const Response& response,
                                                       std::span<const std::string> names) {
    return decode<wire::RestoreTopicResponse>(response, names);
}

Result<std::vector<TopicOutcome>> decode_delete_topics(const Response& response,
                                                       std::span<const std::string> names) {
    return decode<wire::DeleteTopicsResponse>(response, names);
}

Result<std::vector<TopicOutcome>> decode_create_partitions(const Response& response,
                                                           std::span<const std::string> names) {
    return decode<wire::CreatePartitionsResponse>(response, names);
}

}  // namespace millrace::detail
