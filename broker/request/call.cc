// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/call.h"

#include "broker/request/request_context.h"
#include "schemas/common_generated.h"

namespace millrace::broker {

void Call::begin(RequestContext& context,
                 ClientConnection& connection,
                 const wire::FrameHeader& header) {
    context_ = &context;
    connection_ = &connection;
    header_ = header;
    refused_ = false;
    began_ = context.now();
    counters_ = &context.counters().of(header.api);
    counters_->request_bytes += header.frame_bytes;
    ++connection.calls;
    context.call_began();
}

void Call::send_table(engine::Bytes table, std::span<const engine::Slice> payload) noexcept {
    if (table.size() > wire::kTableBytesMax) {
        return send_error(wire::ErrorCode::request_too_large,
                          "The answer is larger than a table may be: ask for less at once.");
    }
    send(table, static_cast<std::uint32_t>(table.size()), payload);
}

void Call::send_fixed(engine::Bytes message) noexcept {
    send(message, 0, {});
}

void Call::send(engine::Bytes table,
                std::uint32_t table_bytes,
                std::span<const engine::Slice> payload) noexcept {
    if (connection_->peer == nullptr || (header_.flags & wire::kFlagOneWay) != 0) return;
    wire::FrameHeader response;
    response.api = header_.api;
    response.api_version = header_.api_version;
    response.correlation_id = header_.correlation_id;
    response.table_bytes = table_bytes;
    counters_->response_bytes += table.size();
    for (const auto& slice : payload)
        counters_->response_bytes += slice.size;
    connection_->peer->send(response, table, payload);
}

void Call::send_error(wire::ErrorCode code, std::string_view message) noexcept {
    if (message.empty()) message = wire::row_of(code).sentence;
    refused_ = true;
    count_error(code);
    auto& writer = context_->writer();
    auto& builder = writer.begin();
    const auto text = builder.CreateString(message.data(), message.size());
    wire::ResponseHeadBuilder head(builder);
    head.add_error(static_cast<std::uint16_t>(code));
    head.add_message(text);
    const auto root = head.Finish();
    send_table(writer.finish(root));
}

void Call::refuse(wire::ErrorCode code, std::string_view message) noexcept {
    if ((header_.flags & wire::kFlagOneWay) != 0 && connection_->peer != nullptr) {
        if (message.empty()) message = wire::row_of(code).sentence;
        refused_ = true;
        count_error(code);
        connection_->peer->close(message, true);
        return;
    }
    send_error(code, message);
}

void Call::count_error(wire::ErrorCode code) noexcept {
    if (code != wire::ErrorCode::none) counters_->count_error(code);
}

void Call::log_done() noexcept {
    counters_->log.record(context_->now() - began_);
}

void Call::finish() noexcept {
    counters_->total.record(context_->now() - began_);
    ++(refused_ ? counters_->refused : counters_->answered);
    if (connection_->peer != nullptr) connection_->peer->finish_request(header_.frame_bytes);
    auto& context = *context_;
    context.release(*connection_);
    context.call_ended();
}

}  // namespace millrace::broker
