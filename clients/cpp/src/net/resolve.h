// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// From an address to the places a socket can connect to.
#pragma once

#include "net/address.h"
#include "net/event_loop.h"

#include <functional>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace millrace::detail {

struct Endpoint {
    sockaddr_storage socket_address{};  // Unless `path` is set.
    std::string path;
    std::string text;  // Of the address it came from.
};

// `done` runs once on the loop's thread, for a socket path or a number before this returns, for a
// name after the look-up. Errors: unreachable (names the host).
void resolve(EventLoop& loop,
             const Address& address,
             std::function<void(Result<std::vector<Endpoint>>)> done);

}  // namespace millrace::detail
