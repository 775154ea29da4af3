// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The HTTP listener of the broker: bound early, as every listener, and serving from before the
// recovery until the shards end, so that a probe is answered all that time.
//
// Lifecycle:   bind, serve, destroy (waits for a page that is being made).
// Thread:      the control thread's.
#pragma once

#include "broker/base/node_options.h"
#include "broker/net/listen_socket.h"
#include "broker/observe/observer.h"
#include "broker/runtime/exposure.h"
#include "engine/event_log.h"

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::broker {

class HttpListener {
public:
    // Null when http.bind is "off". Where the address is nobody's choice and taken, it is a free
    // port of this machine, and an event says so. Fails with a sentence.
    [[nodiscard]] static std::expected<std::unique_ptr<HttpListener>, std::string> bind(
            const NodeOptions& options, const Exposure& exposure, engine::EventLog& events);

    // Fails with a sentence. `parts` and what they refer to outlive the listener.
    [[nodiscard]] std::expected<void, std::string> serve(const ObserverParts& parts);

    // "127.0.0.1:9180", "unix:PATH"
    [[nodiscard]] const std::string& address() const noexcept { return address_; }

private:
    HttpListener(std::vector<ListenSocket> sockets, std::string address)
            : sockets_(std::move(sockets)), address_(std::move(address)) {}

    std::vector<ListenSocket> sockets_;
    std::string address_;
    std::optional<Observer> observer_;
    std::unique_ptr<HttpServer> server_;
};

}  // namespace millrace::broker
