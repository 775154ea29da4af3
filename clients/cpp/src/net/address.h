// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Where a broker may be, as the user writes it.
#pragma once

#include "millrace/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::detail {

struct Address {
    std::string host;  // Name, IPv4 or IPv6 without brackets; empty for a Unix socket.
    std::uint16_t port = 0;
    std::string path;  // Of a Unix socket.
    std::string text;  // As it was written.
};

// "HOST:PORT", "[IPV6]:PORT" or "unix:PATH", separated by commas; at least one.
// Errors: invalid_address (names the part that is wrong).
Result<std::vector<Address>> parse_addresses(std::string_view list);

}  // namespace millrace::detail
