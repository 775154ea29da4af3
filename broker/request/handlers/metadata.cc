// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/handlers/metadata.h"

#include "broker/cluster/topic_name.h"
#include "broker/protocol/request_checks.h"
#include "broker/protocol/row_vector.h"
#include "broker/protocol/uuid.h"
#include "broker/protocol/verified.h"
#include "broker/protocol/wire_error.h"
#include "broker/request/broker_info.h"
#include "broker/request/catalog_call.h"
#include "broker/request/verified_call.h"

#include <memory>

namespace millrace::broker {
namespace {

using wire::ErrorCode;

flatbuffers::Offset<wire::TopicInfo> write_topic(flatbuffers::FlatBufferBuilder& builder,
                                                 const Topic& topic,
                                                 std::int32_t leader) {
    const auto name = builder.CreateString(topic.name);
    const auto partitions = write_rows<wire::PartitionInfo>(
            builder, topic.partitions, [&topic, leader](std::size_t index) {
                const auto partition = static_cast<std::uint32_t>(index);
                return wire::PartitionInfo(partition, leader, topic.leader_epoch(partition), 0, 0);
            });
    const auto id = to_wire(topic.id);
    wire::TopicInfoBuilder info(builder);
    info.add_id(&id);
    info.add_name(name);
    info.add_partitions(partitions);
    return info.Finish();
}

flatbuffers::Offset<wire::TopicInfo> write_unknown(Call& call,
                                                   flatbuffers::FlatBufferBuilder& builder,
                                                   const wire::TopicQuery& query,
                                                   const engine::TopicId& id) {
    const auto asked = query.name() == nullptr ? std::string_view() : query.name()->string_view();
    const bool by_name = is_none(id);
    auto problem = by_name ? topic_name_problem(asked) : std::string();
    const auto code = problem.empty() ? ErrorCode::unknown_topic : ErrorCode::invalid_topic_name;
    call.count_error(code);
    if (problem.empty()) problem = unknown_topic_message(by_name ? asked : std::string_view());
    const auto message = builder.CreateString(problem);
    const auto name = builder.CreateString(asked.data(), asked.size());
    const auto uuid = to_wire(id);
    wire::TopicInfoBuilder info(builder);
    info.add_error(static_cast<std::uint16_t>(code));
    info.add_message(message);
    info.add_id(&uuid);
    info.add_name(name);
    return info.Finish();
}

engine::TopicId id_of(const wire::TopicQuery& query) {
    return query.id() == nullptr ? engine::TopicId{} : from_wire(*query.id());
}

const Topic* find(const CatalogView& catalog, const wire::TopicQuery& query) {
    const auto id = id_of(query);
    if (!is_none(id)) return catalog.find(id);
    return query.name() == nullptr ? nullptr : catalog.find(query.name()->string_view());
}

void respond(Call& call, const wire::MetadataRequest& request) {
    if (call.peer() == nullptr) return;
    auto& context = call.context();
    const auto& options = context.cluster().options;
    auto& writer = context.writer();
    auto& builder = writer.begin();
    std::vector<flatbuffers::Offset<wire::TopicInfo>> infos;
    if (request.all()) {
        for (const auto& [name, topic] : context.catalog().topics()) {
            infos.push_back(write_topic(builder, *topic, options.node_id));
        }
    } else if (request.topics() != nullptr) {
        for (const auto* query : *request.topics()) {
            const auto* topic = find(context.catalog(), *query);
            infos.push_back(topic != nullptr ? write_topic(builder, *topic, options.node_id)
                                             : write_unknown(call, builder, *query, id_of(*query)));
        }
    }
    const auto topics = builder.CreateVector(infos);
    const auto brokers = write_brokers(builder, *call.peer(), options);
    const auto cluster_id = to_wire(engine::TopicId{context.cluster().cluster_id});
    wire::MetadataResponseBuilder response(builder);
    response.add_cluster_id(&cluster_id);
    response.add_controller(options.node_id);
    response.add_brokers(brokers);
    response.add_topics(topics);
    const auto root = response.Finish();
    call.send_table(writer.finish(root));
}

// Topics that are named, possible, and not there.
std::unique_ptr<TopicCommand> missing_topics(const CatalogView& catalog,
                                             const wire::MetadataRequest& request) {
    auto command = std::make_unique<TopicCommand>();
    command->action = TopicAction::create;
    if (request.topics() == nullptr) return command;
    for (const auto* query : *request.topics()) {
        if (!is_none(id_of(*query)) || query->name() == nullptr) continue;
        const auto name = query->name()->string_view();
        if (catalog.find(name) != nullptr || !topic_name_problem(name).empty()) continue;
        command->items.emplace_back().name = name;
    }
    return command;
}

}  // namespace

void handle_metadata(RequestContext& context,
                     ClientConnection& connection,
                     IncomingFrame&& frame) noexcept {
    Call call;
    const auto request = begin_verified<wire::MetadataRequest>(call, context, connection, frame);
    if (!request) return;
    if (context.cluster().options.auto_create_topics) {
        auto command = missing_topics(context.catalog(), **request);
        if (!command->items.empty()) {
            CatalogCall::start(
                    call,
                    std::move(command),
                    0,
                    [](CatalogCall& made, bool) {
                        // What could not be made is answered as unknown.
                        const auto again = verify<wire::MetadataRequest>(made.frame());
                        if (again) respond(made.call(), **again);
                    },
                    std::move(frame));
            return;
        }
    }
    respond(call, **request);
    call.finish();
}

}  // namespace millrace::broker
