// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// How a call with a table begins.
#pragma once

#include "broker/protocol/verified.h"
#include "broker/request/call.h"

#include <optional>

namespace millrace::broker {

// Begins `call` and gives its request. None: the request is not right; the call is answered and
// over.
template <class Request>
[[nodiscard]] std::optional<Verified<Request>> begin_verified(Call& call,
                                                              RequestContext& context,
                                                              ClientConnection& connection,
                                                              const IncomingFrame& frame) {
    call.begin(context, connection, frame.header);
    auto request = verify<Request>(frame);
    if (request) return *request;
    call.send_error(request.error().code, request.error().message);
    call.finish();
    return std::nullopt;
}

}  // namespace millrace::broker
