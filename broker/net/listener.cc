// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/net/listener.h"

#include "broker/net/socket_names.h"
#include "engine/assert.h"

#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace millrace::broker {

namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr std::uint64_t kRestMilliseconds = 100;
constexpr std::chrono::seconds kComplainInterval{5};
constexpr int kKeepAliveSeconds = 60;

bool is_tcp(int socket) {
    int domain = 0;
    socklen_t size = sizeof domain;
    getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size);
    return domain != AF_UNIX;
}

void tune(int socket) {
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // Finds clients whose machine has gone without a word.
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepAliveSeconds, sizeof kKeepAliveSeconds);
}

bool out_of_descriptors(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Listener::Listener(const ListenerParts& parts, std::string name, std::vector<ListenSocket> sockets)
        : parts_(parts), name_(std::move(name)) {
    sockets_.reserve(sockets.size());
    for (auto& socket : sockets)
        sockets_.push_back({.listening = std::move(socket), .poll = {}, .listener = this});
}

Listener::~Listener() {
    if (spare_ >= 0) ::close(spare_);
}

std::string Listener::address() const {
    const auto& path = sockets_.front().listening.unix_path();
    if (!path.empty()) return "unix:" + path;
    return local_address_of(sockets_.front().listening.descriptor());
}

int Listener::start() {
    for (auto& socket : sockets_) {
        if (!socket.listening.listen()) return errno;
    }
    spare_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int failed = uv_timer_init(&parts_.loop, &rest_);
    ASSERT(failed == 0);
    rest_.data = this;
    for (auto& socket : sockets_) {
        failed = uv_poll_init(&parts_.loop, &socket.poll, socket.listening.descriptor());
        ASSERT(failed == 0);
        socket.poll.data = &socket;
    }
    started_ = true;
    watch();
    return 0;
}

void Listener::watch() noexcept {
    for (auto& socket : sockets_) {
        uv_poll_start(&socket.poll, UV_READABLE, [](uv_poll_t* handle, int, int) {
            auto& ready = *static_cast<Socket*>(handle->data);
            ready.listener->accept_some(ready.listening.descriptor());
        });
    }
}

void Listener::close() noexcept {
    if (!std::exchange(started_, false)) return;
    for (auto& socket : sockets_) {
        uv_close(reinterpret_cast<uv_handle_t*>(&socket.poll), nullptr);
        socket.listening = ListenSocket();
    }
    uv_close(reinterpret_cast<uv_handle_t*>(&rest_), nullptr);
}

void Listener::accept_some(int listening) noexcept {
    for (int count = 0; count < kAcceptsPerTurn; ++count) {
        const int socket = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (socket < 0) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            if (errno != EAGAIN && errno != EWOULDBLOCK) turn_away(listening, errno);
            return;
        }
        if (is_tcp(socket)) tune(socket);
        if (!parts_.receiver.receive(socket, name_)) {
            ::close(socket);
            turned_away_.fetch_add(1, std::memory_order_relaxed);
            complain("listener.full",
                     "a client was turned away: network.connections_max are open",
                     0);
        }
    }
}

// Frees the queue of the kernel by one client, then lets some time pass: without either, the loop
// would be told for ever that somebody waits.
void Listener::turn_away(int listening, int error) noexcept {
    turned_away_.fetch_add(1, std::memory_order_relaxed);
    complain("listener.exhausted", "a client was turned away: accept failed", error);
    if (out_of_descriptors(error) && spare_ >= 0) {
        ::close(std::exchange(spare_, -1));
        const int socket = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket >= 0) ::close(socket);
        spare_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    for (auto& socket : sockets_)
        uv_poll_stop(&socket.poll);
    uv_timer_start(
            &rest_,
            [](uv_timer_t* timer) { static_cast<Listener*>(timer->data)->watch(); },
            kRestMilliseconds,
            0);
}

void Listener::complain(std::string_view name, std::string_view message, int error) noexcept {
    const auto now = parts_.clock.monotonic_now();
    if (complained_ != engine::MonotonicTime{} && now - complained_ < kComplainInterval) return;
    complained_ = now;
    std::string text;
    if (error != 0) text = std::generic_category().message(error);
    parts_.events.event(engine::Level::warning,
                        name,
                        message,
                        {{"listener", name_}, {"error", std::move(text)}});
}

}  // namespace millrace::broker
