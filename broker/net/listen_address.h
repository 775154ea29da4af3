// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Where a listener listens: "HOST:PORT", "[::1]:PORT" or "unix:PATH".
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace millrace::broker {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

struct ListenAddress {
    std::string text;                      // As configured.
    std::string unix_path;                 // Empty for TCP.
    std::vector<SocketAddress> addresses;  // A host name may have several; all are bound.
    std::uint16_t port = 0;                // 0: any free one, the same on all addresses.

    // Only this machine can reach it.
    [[nodiscard]] bool loopback() const noexcept;
};

// Looks the host up, which may block: for the start only. Fails with a sentence.
[[nodiscard]] std::expected<ListenAddress, std::string> resolve_listen_address(
        std::string_view text);

}  // namespace millrace::broker
