// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Accepts connections on the sockets of one listener and gives them on.
//
// Lifecycle:   start() on its loop's thread, when the broker can serve; close(), let the loop run
//              until it has no handles, destroy.
// Thread:      its loop's.
// Bound:       connections_max over all listeners; whoever comes beyond it is closed at once. When
//              descriptors run out, waiting clients are closed too, and accepting rests a moment.
#pragma once

#include "broker/net/listen_socket.h"
#include "engine/clock.h"
#include "engine/event_log.h"

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::broker {

// Where accepted sockets go.
class SocketReceiver {
public:
    virtual ~SocketReceiver() = default;
    SocketReceiver(const SocketReceiver&) = delete;
    SocketReceiver& operator=(const SocketReceiver&) = delete;

    // Takes the socket over. False: there is no room for it, and it stays the caller's.
    [[nodiscard]] virtual bool receive(int socket, std::string_view listener) noexcept = 0;

protected:
    SocketReceiver() = default;
};

struct ListenerParts {
    uv_loop_t& loop;
    SocketReceiver& receiver;
    engine::Clock& clock;
    engine::EventLog& events;
};

class Listener {
public:
    Listener(const ListenerParts& parts, std::string name, std::vector<ListenSocket> sockets);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // 0 or an errno; then nothing is accepted.
    [[nodiscard]] int start();
    void close() noexcept;  // Stops to listen; what was accepted goes on.

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    // Clients that found no room, or that accept failed for. Any thread.
    [[nodiscard]] std::uint64_t turned_away() const noexcept {
        return turned_away_.load(std::memory_order_relaxed);
    }

    // Of the first socket: what the kernel chose where the port was 0.
    [[nodiscard]] std::string address() const;

private:
    struct Socket {
        ListenSocket listening;
        uv_poll_t poll{};
        Listener* listener = nullptr;
    };

    void watch() noexcept;
    void accept_some(int listening) noexcept;
    void turn_away(int listening, int error) noexcept;
    void complain(std::string_view name, std::string_view message, int error) noexcept;

    ListenerParts parts_;
    const std::string name_;
    std::vector<Socket> sockets_;
    uv_timer_t rest_{};
    int spare_ = -1;  // Given up for a moment to accept, and close, when descriptors run out.
    bool started_ = false;
    engine::MonotonicTime complained_{};
    std::atomic<std::uint64_t> turned_away_{0};
};

}  // namespace millrace::broker
