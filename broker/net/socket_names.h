// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::broker {

// Who is at the two ends of an accepted socket.
struct SocketNames {
    std::string_view listener;  // Outlives the connection.
    std::string local_host;     // What the client dialled; empty for a Unix socket.
    std::uint16_t local_port = 0;
    std::string remote;  // "127.0.0.1:40112" or "unix uid 1000"
    bool unix_socket = false;
};

[[nodiscard]] SocketNames names_of(int socket, std::string_view listener);

// Host and port of a socket's own end: "127.0.0.1:9192", "[::1]:9192".
[[nodiscard]] std::string local_address_of(int socket);

}  // namespace millrace::broker
