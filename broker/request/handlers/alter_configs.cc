// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/protocol/request_checks.h"
#include "broker/request/catalog_call.h"
#include "broker/request/handlers/configs.h"
#include "broker/request/verified_call.h"

#include <memory>

namespace millrace::broker {
namespace {

using wire::ErrorCode;

constexpr std::string_view kBrokerMessage =
        "The broker's own settings are read when it starts: change its configuration file.";

std::string name_of(const wire::AlteredResource& resource) {
    return resource.name() == nullptr ? std::string() : resource.name()->str();
}

TopicCommandItem item_of(const wire::AlteredResource& resource) {
    TopicCommandItem item;
    item.name = name_of(resource);
    if (resource.changes() == nullptr) return item;
    for (const auto* change : *resource.changes()) {
        auto& edit = item.edits.emplace_back();
        edit.key = change->key()->str();
        if (change->kind() == wire::AlterKind::remove) continue;
        edit.value = change->value() == nullptr ? std::string() : change->value()->str();
    }
    return item;
}

// One result per resource of the request, in its order: the command has the topics only.
void respond(CatalogCall& catalog_call, bool timed_out) {
    const auto request = verify<wire::AlterConfigsRequest>(catalog_call.frame());
    if (!request) return;
    auto& writer = catalog_call.call().context().writer();
    auto& builder = writer.begin();
    std::vector<flatbuffers::Offset<wire::AlterResult>> results;
    auto item = catalog_call.items().begin();
    if ((*request)->resources() != nullptr) {
        for (const auto* resource : *(*request)->resources()) {
            Refusal outcome{ErrorCode::invalid_config, std::string(kBrokerMessage)};
            if (resource->kind() == wire::ResourceKind::topic) {
                outcome = outcome_of(*item++, timed_out);
            }
            catalog_call.call().count_error(outcome.code);
            results.push_back(wire::CreateAlterResultDirect(
                    builder,
                    static_cast<std::uint16_t>(outcome.code),
                    outcome.message.empty() ? nullptr : outcome.message.c_str(),
                    resource->kind(),
                    name_of(*resource).c_str()));
        }
    }
    const auto vector = builder.CreateVector(results);
    wire::AlterConfigsResponseBuilder response(builder);
    response.add_results(vector);
    const auto root = response.Finish();
    catalog_call.call().send_table(writer.finish(root));
}

}  // namespace

void handle_alter_configs(RequestContext& context,
                          ClientConnection& connection,
                          IncomingFrame&& frame) noexcept {
    Call call;
    const auto request =
            begin_verified<wire::AlterConfigsRequest>(call, context, connection, frame);
    if (!request) return;
    auto command = std::make_unique<TopicCommand>();
    command->action = TopicAction::alter;
    command->validate_only = (*request)->validate_only();
    if ((*request)->resources() != nullptr) {
        for (const auto* resource : *(*request)->resources()) {
            if (resource->kind() == wire::ResourceKind::topic) {
                command->items.push_back(item_of(*resource));
            }
        }
    }
    CatalogCall::start(call, std::move(command), 0, &respond, std::move(frame));
}

}  // namespace millrace::broker
