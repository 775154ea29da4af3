// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/topic_config.h"
#include "broker/protocol/request_checks.h"
#include "broker/protocol/wire_error.h"
#include "broker/request/call.h"
#include "broker/request/handlers/configs.h"
#include "broker/request/request_context.h"
#include "broker/request/verified_call.h"

#include <algorithm>

namespace millrace::broker {
namespace {

using wire::ErrorCode;

struct Entry {
    std::string_view key;
    std::string value;
    wire::ConfigSource source = wire::ConfigSource::default_value;
    std::string default_value;
    bool read_only = false;
    std::string_view documentation;
    std::string allowed;
};

bool is_asked(const wire::ConfigResource& resource, std::string_view key) {
    const auto* keys = resource.keys();
    if (keys == nullptr || keys->size() == 0) return true;
    return std::any_of(keys->begin(), keys->end(), [key](const flatbuffers::String* asked) {
        return asked->string_view() == key;
    });
}

std::vector<Entry> topic_entries(const wire::ConfigResource& resource,
                                 const Topic& topic,
                                 const engine::LogConfig& defaults) {
    std::vector<Entry> entries;
    for (const auto& definition : topic_config_definitions()) {
        if (!is_asked(resource, definition.key)) continue;
        auto& entry = entries.emplace_back();
        entry.key = definition.key;
        entry.default_value = default_config_value(definition.key, defaults);
        entry.documentation = definition.documentation;
        entry.allowed = allowed_values(definition);
        const auto set = topic.overrides.find(definition.key);
        if (set != topic.overrides.end()) {
            entry.value = set->second;
            entry.source = wire::ConfigSource::topic;
        } else {
            entry.value = entry.default_value;
        }
    }
    return entries;
}

wire::ConfigSource to_wire(ConfigSource source) {
    switch (source) {
        case ConfigSource::default_value:
            break;
        case ConfigSource::broker_file:
            return wire::ConfigSource::broker_file;
        case ConfigSource::environment:
            return wire::ConfigSource::environment;
        case ConfigSource::command_line:
            return wire::ConfigSource::command_line;
    }
    return wire::ConfigSource::default_value;
}

std::vector<Entry> broker_entries(const wire::ConfigResource& resource,
                                  const NodeOptions& options) {
    std::vector<Entry> entries;
    for (const auto& setting : options.effective) {
        if (!is_asked(resource, setting.key)) continue;
        entries.push_back({setting.key,
                           setting.value,
                           to_wire(setting.source),
                           setting.default_value,
                           true,
                           setting.documentation,
                           setting.allowed});
    }
    return entries;
}

flatbuffers::Offset<wire::DescribedResource> write_entries(flatbuffers::FlatBufferBuilder& builder,
                                                           const wire::ConfigResource& resource,
                                                           const std::vector<Entry>& entries) {
    std::vector<flatbuffers::Offset<wire::ConfigEntry>> written;
    written.reserve(entries.size());
    for (const auto& entry : entries) {
        const auto key = builder.CreateString(entry.key.data(), entry.key.size());
        const auto value = builder.CreateString(entry.value);
        const auto default_value = builder.CreateString(entry.default_value);
        const auto text =
                builder.CreateString(entry.documentation.data(), entry.documentation.size());
        const auto allowed = builder.CreateString(entry.allowed);
        written.push_back(wire::CreateConfigEntry(
                builder, key, value, entry.source, default_value, entry.read_only, text, allowed));
    }
    const auto vector = builder.CreateVector(written);
    const auto name = resource.name() == nullptr ? std::string() : resource.name()->str();
    const auto name_text = builder.CreateString(name);
    wire::DescribedResourceBuilder described(builder);
    described.add_kind(resource.kind());
    described.add_name(name_text);
    described.add_entries(vector);
    return described.Finish();
}

flatbuffers::Offset<wire::DescribedResource> write_unknown(Call& call,
                                                           flatbuffers::FlatBufferBuilder& builder,
                                                           const wire::ConfigResource& resource) {
    const auto name = resource.name() == nullptr ? std::string() : resource.name()->str();
    const auto message = unknown_topic_message(name);
    call.count_error(ErrorCode::unknown_topic);
    return wire::CreateDescribedResourceDirect(builder,
                                               static_cast<std::uint16_t>(ErrorCode::unknown_topic),
                                               message.c_str(),
                                               resource.kind(),
                                               name.c_str());
}

flatbuffers::Offset<wire::DescribedResource> describe_topic(Call& call,
                                                            flatbuffers::FlatBufferBuilder& builder,
                                                            const wire::ConfigResource& resource) {
    // Without a name: what holds for a topic that sets nothing.
    static const Topic plain{};
    const bool named = resource.name() != nullptr && resource.name()->size() != 0;
    auto& context = call.context();
    const auto* topic = named ? context.catalog().find(resource.name()->string_view()) : &plain;
    if (topic == nullptr) return write_unknown(call, builder, resource);
    const auto& defaults = context.cluster().options.topic_defaults;
    return write_entries(builder, resource, topic_entries(resource, *topic, defaults));
}

void respond(Call& call, const wire::DescribeConfigsRequest& request) {
    auto& context = call.context();
    const auto& options = context.cluster().options;
    auto& writer = context.writer();
    auto& builder = writer.begin();
    std::vector<flatbuffers::Offset<wire::DescribedResource>> described;
    if (request.resources() != nullptr) {
        for (const auto* resource : *request.resources()) {
            if (resource->kind() == wire::ResourceKind::broker) {
                described.push_back(
                        write_entries(builder, *resource, broker_entries(*resource, options)));
            } else {
                described.push_back(describe_topic(call, builder, *resource));
            }
        }
    }
    const auto resources = builder.CreateVector(described);
    wire::DescribeConfigsResponseBuilder response(builder);
    response.add_resources(resources);
    const auto root = response.Finish();
    call.send_table(writer.finish(root));
}

}  // namespace

void handle_describe_configs(RequestContext& context,
                             ClientConnection& connection,
                             IncomingFrame&& frame) noexcept {
    Call call;
    const auto request =
            begin_verified<wire::DescribeConfigsRequest>(call, context, connection, frame);
    if (!request) return;
    respond(call, **request);
    call.finish();
}

}  // namespace millrace::broker
