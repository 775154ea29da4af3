// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/listener_address.h"

#include <string>

namespace millrace::broker {

BrokerAddress address_for(const Peer& peer, const NodeOptions& options) {
    for (const auto& listener : options.listeners) {
        if (listener.name != peer.listener_name() || listener.advertised_host.empty()) continue;
        return {listener.advertised_host, listener.advertised_port};
    }
    return {std::string(peer.local_host()), peer.local_port()};
}

}  // namespace millrace::broker
