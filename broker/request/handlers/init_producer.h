// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/protocol/api.h"

namespace millrace::broker {

void handle_init_producer(RequestContext& context,
                          ClientConnection& connection,
                          IncomingFrame&& frame) noexcept;

}  // namespace millrace::broker
