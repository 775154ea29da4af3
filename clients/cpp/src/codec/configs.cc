// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "codec/configs.h"

#include "codec/table.h"
#include "schemas/configs_generated.h"

namespace millrace::detail {

namespace {

template <class Row>
Error error_of(const Row& row, TextBudget& budget) {
    const auto code = static_cast<ErrorCode>(row.error());
    auto message = budget.take(row.message());
    if (message.empty()) message = sentence_of(code);
    return {code, std::move(message)};
}

ConfigEntry entry_of(const wire::ConfigEntry& entry, TextBudget& budget) {
    ConfigEntry result;
    result.key = budget.take(entry.key());
    result.value = budget.take(entry.value());
    result.source = static_cast<ConfigSource>(entry.source());
    result.default_value = budget.take(entry.default_value());
    result.read_only = entry.read_only();
    result.documentation = budget.take(entry.documentation());
    result.allowed = budget.take(entry.allowed());
    return result;
}

}  // namespace

EncodedRequest encode_describe_configs(ConfigOf whose,
                                       const std::string& topic,
                                       std::span<const std::string> keys) {
    flatbuffers::FlatBufferBuilder builder;
    std::vector<flatbuffers::Offset<flatbuffers::String>> wanted;
    for (const auto& key : keys)
        wanted.push_back(builder.CreateString(key));
    const bool of_broker = whose == ConfigOf::broker;
    const auto kind = of_broker ? wire::ResourceKind::broker : wire::ResourceKind::topic;
    const auto name = builder.CreateString(topic);
    const auto key_vector = builder.CreateVector(wanted);
    const auto resource = wire::CreateConfigResource(builder, kind, name, key_vector);
    const auto resources = builder.CreateVector(&resource, 1);
    builder.Finish(wire::CreateDescribeConfigsRequest(builder, resources));
    return finish_request(builder, wire::Api::describe_configs);
}

Result<std::vector<ConfigEntry>> decode_describe_configs(const Response& response) {
    const auto opened = open_response<wire::DescribeConfigsResponse>(response);
    if (!opened) return opened.error();
    const auto* resources = (*opened)->resources();
    if (resources == nullptr || resources->size() != 1) {
        return malformed_response("another number of resources than the request");
    }
    const auto& resource = *resources->Get(0);
    TextBudget budget(response);
    if (resource.error() != 0) return error_of(resource, budget);
    std::vector<ConfigEntry> entries;
    bool known = true;
    for_each(resource.entries(), [&](const wire::ConfigEntry& entry) {
        known = known && entry.source() <= wire::ConfigSource::MAX;
        entries.push_back(entry_of(entry, budget));
    });
    if (!known) return malformed_response("a setting of an unknown source");
    if (budget.overdrawn()) return malformed_response("more text than bytes");
    return entries;
}

EncodedRequest encode_alter_configs(const std::string& topic,
                                    std::span<const ConfigChange> changes,
                                    bool validate_only) {
    flatbuffers::FlatBufferBuilder builder;
    std::vector<flatbuffers::Offset<wire::ConfigChange>> rows;
    for (const auto& change : changes) {
        const auto kind = change.remove ? wire::AlterKind::remove : wire::AlterKind::set;
        rows.push_back(wire::CreateConfigChange(builder,
                                                builder.CreateString(change.key),
                                                kind,
                                                builder.CreateString(change.value)));
    }
    const auto name = builder.CreateString(topic);
    const auto change_vector = builder.CreateVector(rows);
    const auto resource =
            wire::CreateAlteredResource(builder, wire::ResourceKind::topic, name, change_vector);
    const auto resources = builder.CreateVector(&resource, 1);
    builder.Finish(wire::CreateAlterConfigsRequest(builder, resources, validate_only));
    return finish_request(builder, wire::Api::alter_configs);
}

Result<void> decode_alter_configs(const Response& response) {
    const auto opened = open_response<wire::AlterConfigsResponse>(response);
    if (!opened) return opened.error();
    const auto* results = (*opened)->results();
    if (results == nullptr || results->size() != 1) {
        return malformed_response("another number of results than the request");
    }
    TextBudget budget(response);
    if (results->Get(0)->error() != 0) return error_of(*results->Get(0), budget);
    return {};
}

}  // namespace millrace::detail
