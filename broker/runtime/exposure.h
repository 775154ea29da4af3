// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Who can reach the broker, and whether that is allowed.
#pragma once

#include "broker/base/node_options.h"
#include "broker/net/listen_address.h"

#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace millrace::broker {

struct NamedAddress {
    std::string name;  // Of the listener.
    ListenAddress address;
};

struct Exposure {
    std::vector<NamedAddress> listeners;
    std::optional<ListenAddress> http;  // Empty: switched off.
    bool loopback_only = true;
};

// Looks up where the listeners listen. Refuses, with a sentence, an address that other machines
// can reach as long as nobody has to authenticate, unless security.allow_unauthenticated.
[[nodiscard]] std::expected<Exposure, std::string> check_exposure(const NodeOptions& options);

}  // namespace millrace::broker
