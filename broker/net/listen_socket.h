// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Sockets that are bound early, so that a wrong address is found before anything else is done, and
// listen when the broker can serve.
#pragma once

#include "broker/net/listen_address.h"

#include <expected>
#include <string>
#include <vector>

namespace millrace::broker {

// Closes its descriptor, and removes its file when it is a Unix socket.
class ListenSocket {
public:
    ListenSocket() = default;
    ListenSocket(int descriptor, std::string unix_path) noexcept;
    ListenSocket(ListenSocket&& other) noexcept;
    ListenSocket& operator=(ListenSocket&& other) noexcept;
    ~ListenSocket();

    // False: errno says why; another process may have the port.
    [[nodiscard]] bool listen() noexcept;

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

    // Empty for TCP.
    [[nodiscard]] const std::string& unix_path() const noexcept { return unix_path_; }

private:
    int descriptor_ = -1;
    std::string unix_path_;
};

// Why an address cannot be bound.
struct BindFailure {
    std::string sentence;
    int os_errno = 0;  // 0: no operation failed.
};

// Binds every address of `address`; with port 0 all get the port the kernel chose for the first.
// A Unix socket has mode 0600; one that nobody listens on any more is replaced.
// Fails with nothing bound.
[[nodiscard]] std::expected<std::vector<ListenSocket>, BindFailure> bind_to(
        const ListenAddress& address);

}  // namespace millrace::broker
