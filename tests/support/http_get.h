// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace millrace::testing {

struct HttpReply {
    int status = 0;  // 0: closed without an answer.
    std::string headers;
    std::string body;
};

// One request on a connection of its own; `address` is "127.0.0.1:PORT" or "unix:PATH". Throws when
// nobody listens there.
HttpReply http_get(const std::string& address,
                   const std::string& target,
                   const std::string& method = "GET");

}  // namespace millrace::testing
