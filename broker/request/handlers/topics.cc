// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/handlers/topics.h"

#include "broker/protocol/request_checks.h"
#include "broker/protocol/uuid.h"
#include "broker/request/catalog_call.h"
#include "broker/request/verified_call.h"

#include <memory>

namespace millrace::broker {
namespace {

std::string text_of(const flatbuffers::String* text) {
    return text == nullptr ? std::string() : text->str();
}

// The responses have the same fields.
template <class Response>
void respond(CatalogCall& catalog_call, bool timed_out) {
    auto& writer = catalog_call.call().context().writer();
    auto& builder = writer.begin();
    std::vector<flatbuffers::Offset<wire::TopicResult>> results;
    for (const auto& item : catalog_call.items()) {
        const auto outcome = outcome_of(item, timed_out);
        catalog_call.call().count_error(outcome.code);
        const auto message = outcome.message.empty() ? 0 : builder.CreateString(outcome.message);
        const auto name = builder.CreateString(item.name);
        wire::TopicResultBuilder result(builder);
        result.add_error(static_cast<std::uint16_t>(outcome.code));
        if (!message.IsNull()) result.add_message(message);
        result.add_name(name);
        const auto id = to_wire(item.id);
        result.add_id(&id);
        result.add_partitions(item.partitions);
        results.push_back(result.Finish());
    }
    const auto topics = builder.CreateVector(results);
    typename Response::Builder response(builder);
    response.add_topics(topics);
    const auto root = response.Finish();
    catalog_call.call().send_table(writer.finish(root));
}

TopicCommandItem item_of(const wire::NewTopic& topic) {
    TopicCommandItem item;
    item.name = topic.name()->str();
    item.partitions = topic.partitions();
    if (topic.config() == nullptr) return item;
    for (const auto* entry : *topic.config()) {
        item.edits.push_back({entry->key()->str(), text_of(entry->value())});
    }
    return item;
}

TopicCommandItem item_of(const wire::TopicSelection& topic) {
    TopicCommandItem item;
    item.name = text_of(topic.name());
    if (topic.id() != nullptr) item.id = from_wire(*topic.id());
    return item;
}

TopicCommandItem item_of(const wire::PartitionGrowth& topic) {
    TopicCommandItem item;
    item.name = topic.name()->str();
    item.partitions = topic.partitions();
    return item;
}

bool validate_only(const wire::CreateTopicsRequest& request) {
    return request.validate_only();
}

bool validate_only(const wire::DeleteTopicsRequest&) {
    return false;
}

bool validate_only(const wire::CreatePartitionsRequest& request) {
    return request.validate_only();
}

template <class Request, class Response>
void handle(RequestContext& context,
            ClientConnection& connection,
            const IncomingFrame& frame,
            TopicAction action) {
    Call call;
    const auto request = begin_verified<Request>(call, context, connection, frame);
    if (!request) return;
    auto command = std::make_unique<TopicCommand>();
    command->action = action;
    command->validate_only = validate_only(**request);
    if ((*request)->topics() != nullptr) {
        for (const auto* topic : *(*request)->topics())
            command->items.push_back(item_of(*topic));
    }
    CatalogCall::start(call, std::move(command), (*request)->timeout_ms(), &respond<Response>);
}

}  // namespace

void handle_create_topics(RequestContext& context,
                          ClientConnection& connection,
                          IncomingFrame&& frame) noexcept {
    handle<wire::CreateTopicsRequest, wire::CreateTopicsResponse>(
            context, connection, frame, TopicAction::create);
}

void handle_restore_topic(RequestContext& context,
                          ClientConnection& connection,
                          IncomingFrame&& frame) noexcept {
    Call call;
    const auto request =
            begin_verified<wire::RestoreTopicRequest>(call, context, connection, frame);
    if (!request) return;
    auto command = std::make_unique<TopicCommand>();
    command->action = TopicAction::create;
    command->items.push_back(item_of(*(*request)->topic()));
    command->items.front().staged = (*request)->staged()->str();
    CatalogCall::start(call,
                       std::move(command),
                       (*request)->timeout_ms(),
                       &respond<wire::RestoreTopicResponse>);
}

void handle_delete_topics(RequestContext& context,
                          ClientConnection& connection,
                          IncomingFrame&& frame) noexcept {
    handle<wire::DeleteTopicsRequest, wire::DeleteTopicsResponse>(
            context, connection, frame, TopicAction::remove);
}

void handle_create_partitions(RequestContext& context,
                              ClientConnection& connection,
                              IncomingFrame&& frame) noexcept {
    handle<wire::CreatePartitionsRequest, wire::CreatePartitionsResponse>(
            context, connection, frame, TopicAction::grow);
}

}  // namespace millrace::broker
