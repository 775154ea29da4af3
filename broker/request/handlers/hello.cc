// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/handlers/hello.h"

#include "broker/protocol/hello_codec.h"
#include "broker/request/api_table.h"
#include "broker/request/call.h"
#include "broker/request/request_context.h"
#include "broker/request/version.h"

#include <string_view>

namespace millrace::broker {

namespace {

using wire::ErrorCode;

static_assert(kApiCount <= 64, "the response has room for as many ranges");

void respond(Call& call, ErrorCode error) {
    const auto& cluster = call.context().cluster();
    const auto message =
            error == ErrorCode::none ? std::string_view() : wire::row_of(error).sentence;
    wire::HelloResponse response;
    response.error = static_cast<std::uint16_t>(error);
    response.message_bytes = static_cast<std::uint16_t>(message.size());
    response.api_count = static_cast<std::uint16_t>(kApiCount);
    response.version_bytes = static_cast<std::uint16_t>(kVersion.size());
    response.cluster_id = cluster.cluster_id;
    response.node_id = cluster.options.node_id;
    response.request_bytes_max = cluster.options.request_bytes_max;
    response.requests_in_flight_max = cluster.options.requests_in_flight_max;
    response.bytes_in_flight_max = cluster.options.bytes_in_flight_max;
    response.authentication = 0;

    HelloResponseWriter writer(response);
    for (const auto& row : api_table()) {
        wire::ApiRange range;
        range.api = static_cast<std::uint16_t>(row.api);
        range.version_min = row.version_min;
        range.version_max = row.version_max;
        writer.put(range);
    }
    writer.put(kVersion);
    writer.put(message);
    call.send_fixed(writer.bytes());
}

}  // namespace

void handle_hello(RequestContext& context,
                  ClientConnection& connection,
                  IncomingFrame&& frame) noexcept {
    Call call;
    call.begin(context, connection, frame.header);
    if (frame.table.empty() && parse_hello(frame.payload)) {
        connection.said_hello = true;
        if (call.peer() != nullptr) call.peer()->set_authenticated();
        respond(call, ErrorCode::none);
    } else {
        respond(call, ErrorCode::malformed_request);
    }
    call.finish();
}

void refuse_hello(RequestContext& context,
                  ClientConnection& connection,
                  const IncomingFrame& frame) noexcept {
    Call call;
    call.begin(context, connection, frame.header);
    respond(call, ErrorCode::unsupported_version);
    call.finish();
}

}  // namespace millrace::broker
