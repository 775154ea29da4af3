// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/exposure.h"

#include <utility>

namespace millrace::broker {

namespace {

constexpr std::string_view kOff = "off";

// What others could do there, to end "if everybody there may ...".
std::expected<ListenAddress, std::string> check_address(const std::string& key,
                                                        const std::string& bind,
                                                        const std::string& place,
                                                        bool allowed,
                                                        const std::string& others_could) {
    auto address = resolve_listen_address(bind);
    const auto setting = (place.empty() ? "" : place + ": ") + key + " = \"" + bind + "\"";
    if (!address) return std::unexpected(setting + ": " + address.error());
    if (!address->loopback() && !allowed) {
        return std::unexpected(setting + " can be reached from other machines, and nobody has to " +
                               "authenticate: bind to 127.0.0.1, or set " +
                               "security.allow_unauthenticated = true if everybody there may " +
                               others_could);
    }
    return address;
}

}  // namespace

std::expected<Exposure, std::string> check_exposure(const NodeOptions& options) {
    Exposure exposure;
    const bool allowed = options.allow_unauthenticated;
    for (const auto& listener : options.listeners) {
        auto address = check_address("listener." + listener.name + ".bind",
                                     listener.bind,
                                     listener.bind_place,
                                     allowed,
                                     "read and write everything");
        if (!address) return std::unexpected(std::move(address.error()));
        exposure.loopback_only = exposure.loopback_only && address->loopback();
        exposure.listeners.push_back({.name = listener.name, .address = std::move(*address)});
    }
    if (options.http_bind == kOff) return exposure;
    auto http = check_address("http.bind",
                              options.http_bind,
                              options.http_bind_place,
                              allowed,
                              "see metrics and health");
    if (!http) return std::unexpected(std::move(http.error()));
    exposure.http = std::move(*http);
    return exposure;
}

}  // namespace millrace::broker
