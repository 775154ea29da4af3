// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/protocol/api.h"

namespace millrace::broker {

// An API that has its number and no service yet.
void handle_unsupported(RequestContext& context,
                        ClientConnection& connection,
                        IncomingFrame&& frame) noexcept;

// There is nothing to authenticate against: every connection is open from its hello on.
void handle_authenticate(RequestContext& context,
                         ClientConnection& connection,
                         IncomingFrame&& frame) noexcept;

}  // namespace millrace::broker
