// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/handlers/unsupported.h"

#include "broker/request/call.h"

namespace millrace::broker {
namespace {

void refuse(RequestContext& context,
            ClientConnection& connection,
            const IncomingFrame& frame,
            std::string_view message) {
    Call call;
    call.begin(context, connection, frame.header);
    call.send_error(wire::ErrorCode::unsupported_api, message);
    call.finish();
}

}  // namespace

void handle_unsupported(RequestContext& context,
                        ClientConnection& connection,
                        IncomingFrame&& frame) noexcept {
    refuse(context, connection, frame, "This version of the broker does not offer this API.");
}

void handle_authenticate(RequestContext& context,
                         ClientConnection& connection,
                         IncomingFrame&& frame) noexcept {
    refuse(context,
           connection,
           frame,
           "This broker has no authentication: a connection is open from its hello on.");
}

}  // namespace millrace::broker
