// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/node_options.h"
#include "broker/net/frame_handler.h"

#include <cstdint>
#include <string>

namespace millrace::broker {

struct BrokerAddress {
    std::string host;
    std::uint16_t port = 0;
};

// Where the client behind `peer` should dial this broker: what its listener advertises, else what
// it dialled. Empty host: the Unix socket it came by.
[[nodiscard]] BrokerAddress address_for(const Peer& peer, const NodeOptions& options);

}  // namespace millrace::broker
