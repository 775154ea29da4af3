// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/protocol/api.h"

namespace millrace::broker {

// Fixed layout, before any FlatBuffer: see wire/hello.h. Opens the connection for all other
// requests, as there is no authentication.
void handle_hello(RequestContext& context,
                  ClientConnection& connection,
                  IncomingFrame&& frame) noexcept;

// A hello of a version we do not speak: the ranges we do, in the layout of version 1.
void refuse_hello(RequestContext& context,
                  ClientConnection& connection,
                  const IncomingFrame& frame) noexcept;

}  // namespace millrace::broker
