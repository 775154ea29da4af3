// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/http_get.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace millrace::testing {
namespace {

constexpr timeval kPatience{.tv_sec = 30, .tv_usec = 0};

constexpr std::string_view kUnix = "unix:";

template <class Name>
int connect_to(int family, const Name& name) {
    const int descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    if (connect(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) {
        return descriptor;
    }
    close(descriptor);
    return -1;
}

int connect_to(const std::string& address) {
    if (address.starts_with(kUnix)) {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        address.copy(name.sun_path, sizeof name.sun_path - 1, kUnix.size());
        return connect_to(AF_UNIX, name);
    }
    const auto colon = address.rfind(':');
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    inet_pton(AF_INET, address.substr(0, colon).c_str(), &name.sin_addr);
    return connect_to(AF_INET, name);
}

}  // namespace

HttpReply http_get(const std::string& address,
                   const std::string& target,
                   const std::string& method) {
    const int descriptor = connect_to(address);
    if (descriptor < 0) throw std::runtime_error("nobody listens at " + address);
    const auto request = method + " " + target + " HTTP/1.1\r\nHost: " + address +
                         "\r\nConnection: close\r\n\r\n";
    if (send(descriptor, request.data(), request.size(), MSG_NOSIGNAL) < 0) {
        close(descriptor);
        return {};
    }
    std::string all;
    char bytes[65536];
    for (;;) {
        const auto count = recv(descriptor, bytes, sizeof bytes, 0);
        if (count <= 0) break;
        all.append(bytes, static_cast<std::size_t>(count));
    }
    close(descriptor);
    const auto end = all.find("\r\n\r\n");
    if (end == std::string::npos) return {};
    return {.status = std::stoi(all.substr(all.find(' ') + 1)),
            .headers = all.substr(0, end + 2),
            .body = all.substr(end + 4)};
}

}  // namespace millrace::testing
