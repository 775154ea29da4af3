// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/listener_address.h"

#include <charconv>
#include <string_view>

namespace millrace::broker {

BrokerAddress address_for(const Peer& peer, const NodeOptions& options) {
    BrokerAddress dialled{std::string(peer.local_host()), peer.local_port()};
    for (const auto& listener : options.listeners) {
        if (listener.name != peer.listener_name() || listener.advertise.empty()) continue;
        const std::string_view advertised = listener.advertise;
        const auto colon = advertised.rfind(':');
        if (colon == std::string_view::npos) return {listener.advertise, dialled.port};
        auto host = advertised.substr(0, colon);
        if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
        std::uint16_t port = 0;
        const auto digits = advertised.substr(colon + 1);
        std::from_chars(digits.data(), digits.data() + digits.size(), port);
        return {std::string(host), port == 0 ? dialled.port : port};
    }
    return dialled;
}

}  // namespace millrace::broker
