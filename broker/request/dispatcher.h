// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/protocol/api.h"

namespace millrace::broker {

// Frame to handler: known API, spoken version, admitted at this point of the session. What is
// refused is answered here.
void dispatch(RequestContext& context,
              ClientConnection& connection,
              IncomingFrame&& frame) noexcept;

}  // namespace millrace::broker
