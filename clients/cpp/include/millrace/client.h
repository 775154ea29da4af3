// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "millrace/export.h"
#include "millrace/result.h"

#include <chrono>
#include <memory>
#include <string>

namespace millrace {

namespace detail {
class ClientCore;
}

struct ClientOptions {
    // "HOST:PORT" or "unix:PATH", several separated by commas: the first that answers is used.
    std::string addresses = "127.0.0.1:9192";
    std::string name = "millrace-cpp";                  // For the broker's log; at most 128 bytes.
    std::chrono::milliseconds connect_timeout{10'000};  // Name look-up, connect and greeting.
    std::chrono::milliseconds request_timeout{30'000};  // Waiting for one answer.
    std::chrono::milliseconds reconnect_delay_min{20};  // Doubles with each failed try ...
    std::chrono::milliseconds reconnect_delay_max{1'000};  // ... up to this.
};

// One I/O thread and what it serves: producers, consumers and admins of one cluster.
//
// Lifecycle:  connect, then make any number of Producer, Consumer and Admin from it. Copies share
//             the same thread. They and the client may be destroyed in any order; the thread ends
//             with the last of them.
// Thread:     every call from any thread. Callbacks of producers run on the I/O thread: they must
//             not block, and calls that wait fail there with invalid_argument.
// Errors:     values, see Result. A lost connection is made again in the background for as long
//             as somebody needs it.
class MILLRACE_API Client {
public:
    // Returns when one of the addresses has answered the greeting.
    // Errors: invalid_address, invalid_argument, unreachable, timed_out, unsupported_version,
    //         protocol_violation.
    static Result<Client> connect(const ClientOptions& options = {});

    Client(const Client&) noexcept = default;
    Client(Client&&) noexcept = default;
    Client& operator=(const Client&) noexcept = default;
    Client& operator=(Client&&) noexcept = default;
    ~Client() = default;

    // The address that answered.
    [[nodiscard]] std::string address() const;

private:
    friend class Producer;
    friend class Consumer;
    friend class Admin;

    explicit Client(std::shared_ptr<detail::ClientCore> core) noexcept;

    std::shared_ptr<detail::ClientCore> core_;  // Shared: a producer may outlive the Client.
};

}  // namespace millrace
