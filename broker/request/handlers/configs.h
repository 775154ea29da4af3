// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/protocol/api.h"

namespace millrace::broker {

void handle_describe_configs(RequestContext& context,
                             ClientConnection& connection,
                             IncomingFrame&& frame) noexcept;

// Topics: all changes of one topic or none, durable and on every shard when answered. The broker's
// own settings are read at its start and refused here.
void handle_alter_configs(RequestContext& context,
                          ClientConnection& connection,
                          IncomingFrame&& frame) noexcept;

}  // namespace millrace::broker
