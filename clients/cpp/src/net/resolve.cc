// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "net/resolve.h"

#include <cstring>
#include <memory>

namespace millrace::detail {

namespace {

using Done = std::function<void(Result<std::vector<Endpoint>>)>;

struct LookUp {
    uv_getaddrinfo_t request{};
    EventLoop* loop = nullptr;
    Address address;
    Done done;
};

Error cannot_resolve(const Address& address, int error) {
    return {ErrorCode::unreachable,
            "The name of " + address.text + " cannot be resolved: " + uv_strerror(error)};
}

void looked_up(uv_getaddrinfo_t* request, int status, addrinfo* list) noexcept {
    const std::unique_ptr<LookUp> look_up(static_cast<LookUp*>(request->data));
    look_up->loop->look_up_ended();
    if (status != 0) return look_up->done(cannot_resolve(look_up->address, status));
    std::vector<Endpoint> endpoints;
    for (const auto* entry = list; entry != nullptr; entry = entry->ai_next) {
        Endpoint endpoint;
        std::memcpy(&endpoint.socket_address, entry->ai_addr, entry->ai_addrlen);
        endpoint.text = look_up->address.text;
        endpoints.push_back(std::move(endpoint));
    }
    uv_freeaddrinfo(list);
    if (endpoints.empty()) return look_up->done(cannot_resolve(look_up->address, UV_EAI_NODATA));
    look_up->done(std::move(endpoints));
}

bool read_number(const Address& address, Endpoint& endpoint) {
    sockaddr_in v4{};
    if (uv_ip4_addr(address.host.c_str(), address.port, &v4) == 0) {
        std::memcpy(&endpoint.socket_address, &v4, sizeof v4);
        return true;
    }
    sockaddr_in6 v6{};
    if (uv_ip6_addr(address.host.c_str(), address.port, &v6) == 0) {
        std::memcpy(&endpoint.socket_address, &v6, sizeof v6);
        return true;
    }
    return false;
}

}  // namespace

void resolve(EventLoop& loop, const Address& address, Done done) {
    Endpoint endpoint;
    endpoint.text = address.text;
    endpoint.path = address.path;
    if (!address.path.empty() || read_number(address, endpoint)) {
        std::vector<Endpoint> endpoints;
        endpoints.push_back(std::move(endpoint));
        return done(std::move(endpoints));
    }
    auto look_up = std::make_unique<LookUp>();
    look_up->request.data = look_up.get();
    look_up->loop = &loop;
    look_up->address = address;
    look_up->done = std::move(done);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    const auto service = std::to_string(address.port);
    auto* started = look_up.release();
    loop.look_up_began();
    const int error = uv_getaddrinfo(loop.handle(),
                                     &started->request,
                                     &looked_up,
                                     started->address.host.c_str(),
                                     service.c_str(),
                                     &hints);
    if (error != 0) looked_up(&started->request, error, nullptr);
}

}  // namespace millrace::detail
