// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/exposure.h"

#include <utility>

namespace millrace::broker {

std::expected<Exposure, std::string> check_exposure(const NodeOptions& options) {
    Exposure exposure;
    for (const auto& listener : options.listeners) {
        auto address = resolve_listen_address(listener.bind);
        const auto key = "listener." + listener.name + ".bind";
        if (!address) {
            return std::unexpected(key + " = \"" + listener.bind + "\": " + address.error());
        }
        const bool loopback = address->loopback();
        if (!loopback && !options.allow_unauthenticated) {
            return std::unexpected(
                    key + " = \"" + listener.bind + "\" can be reached from other machines, and " +
                    "nobody has to authenticate: bind to 127.0.0.1, or set " +
                    "security.allow_unauthenticated = true if everybody there may read and write "
                    "everything");
        }
        exposure.loopback_only = exposure.loopback_only && loopback;
        exposure.listeners.push_back({.name = listener.name, .address = std::move(*address)});
    }
    return exposure;
}

}  // namespace millrace::broker
