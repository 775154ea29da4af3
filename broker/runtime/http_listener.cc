// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/http_listener.h"

#include "broker/net/socket_names.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace millrace::broker {
namespace {

using Sockets = std::expected<std::vector<ListenSocket>, std::string>;

Sockets bind_and_listen(const ListenAddress& address) {
    auto sockets = bind_to(address);
    if (!sockets) return std::unexpected(std::move(sockets.error().sentence));
    for (auto& socket : *sockets) {
        if (!socket.listen()) return std::unexpected(address.text + ": " + std::strerror(errno));
    }
    return std::move(*sockets);
}

// Two brokers of one machine both start without a word of configuration.
Sockets bind_elsewhere(const std::string& refusal, engine::EventLog& events) {
    const auto free = resolve_listen_address("127.0.0.1:0");
    if (!free) return std::unexpected(free.error());
    events.event(engine::Level::warning,
                 "listener.moved",
                 "the default address of the HTTP listener is taken: it gets a free port "
                 "(set http.bind to choose one)",
                 {{"listener", std::string(kHttpListener)}, {"error", refusal}});
    return bind_and_listen(*free);
}

std::string address_of(const ListenSocket& socket) {
    if (!socket.unix_path().empty()) return "unix:" + socket.unix_path();
    return local_address_of(socket.descriptor());
}

}  // namespace

std::expected<std::unique_ptr<HttpListener>, std::string> HttpListener::bind(
        const NodeOptions& options, const Exposure& exposure, engine::EventLog& events) {
    if (!exposure.http) return nullptr;
    auto sockets = bind_and_listen(*exposure.http);
    if (!sockets && options.http_bind_place.empty()) {
        sockets = bind_elsewhere(sockets.error(), events);
    }
    if (!sockets) return std::unexpected("http.bind: " + sockets.error());
    auto address = address_of(sockets->front());
    return std::unique_ptr<HttpListener>(new HttpListener(std::move(*sockets), std::move(address)));
}

std::expected<void, std::string> HttpListener::serve(const ObserverParts& parts) {
    observer_.emplace(parts);
    std::vector<int> descriptors;
    descriptors.reserve(sockets_.size());
    for (const auto& socket : sockets_)
        descriptors.push_back(socket.descriptor());
    auto server = HttpServer::start(descriptors, *observer_);
    if (!server) return std::unexpected("http.bind: " + server.error());
    server_ = std::move(*server);
    return {};
}

}  // namespace millrace::broker
