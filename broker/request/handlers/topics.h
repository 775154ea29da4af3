// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// create_topics, restore_topic, delete_topics, create_partitions: answered when the change is
// durable and every shard knows it.
#pragma once

#include "broker/protocol/api.h"

namespace millrace::broker {

void handle_create_topics(RequestContext& context,
                          ClientConnection& connection,
                          IncomingFrame&& frame) noexcept;
void handle_restore_topic(RequestContext& context,
                          ClientConnection& connection,
                          IncomingFrame&& frame) noexcept;
void handle_delete_topics(RequestContext& context,
                          ClientConnection& connection,
                          IncomingFrame&& frame) noexcept;
void handle_create_partitions(RequestContext& context,
                              ClientConnection& connection,
                              IncomingFrame&& frame) noexcept;

}  // namespace millrace::broker
