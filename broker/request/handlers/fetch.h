// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/protocol/api.h"

namespace millrace::broker {

void handle_fetch(RequestContext& context,
                  ClientConnection& connection,
                  IncomingFrame&& frame) noexcept;

// Goes on with fetches that waited for the connection to drain.
void continue_held_fetches(ClientConnection& connection) noexcept;

// The connection is closed: ends its sessions and its fetches that wait.
void end_fetches(RequestContext& context, ClientConnection& connection) noexcept;

}  // namespace millrace::broker
