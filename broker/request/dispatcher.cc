// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/dispatcher.h"

#include "broker/request/api_table.h"
#include "broker/request/call.h"
#include "broker/request/handlers/hello.h"
#include "broker/request/request_context.h"

#include <fmt/format.h>

namespace millrace::broker {
namespace {

using wire::ErrorCode;

void refuse(RequestContext& context,
            ClientConnection& connection,
            const IncomingFrame& frame,
            ErrorCode code,
            std::string_view message) {
    Call call;
    call.begin(context, connection, frame.header);
    call.refuse(code, message);
    call.finish();
}

}  // namespace

void dispatch(RequestContext& context,
              ClientConnection& connection,
              IncomingFrame&& frame) noexcept {
    const auto& header = frame.header;
    if ((header.flags & wire::kFlagResponse) != 0) {
        Call call;
        call.begin(context, connection, header);
        connection.peer->close("a client sent a response", true);
        call.finish();
        return;
    }
    const auto* row = find_api(header.api);
    if (row == nullptr) {
        const auto message = fmt::format("There is no API {}.", header.api);
        return refuse(context, connection, frame, ErrorCode::unsupported_api, message);
    }
    if (header.api_version < row->version_min || header.api_version > row->version_max) {
        if (row->api == wire::Api::hello) return refuse_hello(context, connection, frame);
        const auto message = fmt::format("Version {} of {} is not spoken here; {} to {} are.",
                                         header.api_version,
                                         row->name,
                                         row->version_min,
                                         row->version_max);
        return refuse(context, connection, frame, ErrorCode::unsupported_version, message);
    }
    if (row->admission == Admission::after_authentication && !connection.said_hello) {
        return refuse(context,
                      connection,
                      frame,
                      ErrorCode::authentication_required,
                      "A connection begins with hello.");
    }
    if ((header.flags & wire::kFlagOneWay) != 0 && row->api != wire::Api::produce) {
        frame.header.flags &= static_cast<std::uint8_t>(~wire::kFlagOneWay);
        return refuse(context,
                      connection,
                      frame,
                      ErrorCode::malformed_request,
                      "Only produce can do without an answer.");
    }
    if (context.stopping()) {
        return refuse(context, connection, frame, ErrorCode::shutting_down, {});
    }
    row->handler(context, connection, std::move(frame));
}

}  // namespace millrace::broker
