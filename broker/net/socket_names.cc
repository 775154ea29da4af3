// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/net/socket_names.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace millrace::broker {

namespace {

struct Endpoint {
    int family = AF_UNSPEC;
    std::string host;
    std::uint16_t port = 0;
};

Endpoint endpoint_of(const sockaddr_storage& address) {
    Endpoint endpoint{.family = address.ss_family, .host = {}};
    char text[INET6_ADDRSTRLEN] = {};
    if (address.ss_family == AF_INET) {
        const auto& four = reinterpret_cast<const sockaddr_in&>(address);
        inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
        endpoint.port = ntohs(four.sin_port);
    } else if (address.ss_family == AF_INET6) {
        const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
        inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
        endpoint.port = ntohs(six.sin6_port);
    }
    endpoint.host = text;
    // An IPv4 client of a socket that takes both.
    constexpr std::string_view kMapped = "::ffff:";
    if (endpoint.host.starts_with(kMapped) && endpoint.host.find('.') != std::string::npos) {
        endpoint.host.erase(0, kMapped.size());
    }
    return endpoint;
}

std::string joined(const Endpoint& endpoint) {
    const bool six = endpoint.host.find(':') != std::string::npos;
    return (six ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

Endpoint local_end_of(int socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    return endpoint_of(address);
}

}  // namespace

SocketNames names_of(int socket, std::string_view listener) {
    SocketNames names{.listener = listener, .local_host = {}, .remote = {}};
    auto local = local_end_of(socket);
    if (local.family == AF_UNIX) {
        names.unix_socket = true;
        ucred peer{};
        socklen_t size = sizeof peer;
        names.remote = "unix";
        if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
            names.remote += " uid " + std::to_string(peer.uid);
        }
        return names;
    }
    names.local_host = std::move(local.host);
    names.local_port = local.port;
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
        names.remote = joined(endpoint_of(address));
    }
    return names;
}

std::string local_address_of(int socket) {
    return joined(local_end_of(socket));
}

}  // namespace millrace::broker
