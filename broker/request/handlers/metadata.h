// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/protocol/api.h"

namespace millrace::broker {

// Topics with their ids and partitions, from this shard's copy of the catalogue. A topic that is
// asked for by name is made first where node.auto_create_topics allows it.
void handle_metadata(RequestContext& context,
                     ClientConnection& connection,
                     IncomingFrame&& frame) noexcept;

}  // namespace millrace::broker
