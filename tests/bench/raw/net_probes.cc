// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/bench/raw/probe.h"
#include "tests/bench/raw/support.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace millrace::bench {

namespace {

struct ConnectedPair {
    int near = -1;
    int far = -1;

    ConnectedPair() {
        const auto listener = static_cast<int>(checked(socket(AF_INET, SOCK_STREAM, 0), "socket"));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        checked(bind(listener, generic, length), "bind");
        checked(listen(listener, 1), "listen");
        checked(getsockname(listener, generic, &length), "getsockname");
        near = static_cast<int>(checked(socket(AF_INET, SOCK_STREAM, 0), "socket"));
        checked(connect(near, generic, length), "connect");
        far = static_cast<int>(checked(accept(listener, nullptr, nullptr), "accept"));
        close(listener);
        constexpr int kOn = 1;
        for (const int side : {near, far}) {
            checked(setsockopt(side, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn), "TCP_NODELAY");
        }
    }

    ~ConnectedPair() {
        close(near);
        close(far);
    }

    ConnectedPair(const ConnectedPair&) = delete;
    ConnectedPair& operator=(const ConnectedPair&) = delete;
};

double transfer(std::size_t step, double seconds) {
    const ConnectedPair pair;
    std::uint64_t received = 0;
    std::thread receiver([&] {
        const HugeMemory memory(1U << 20);
        for (;;) {
            const auto bytes = recv(pair.far, memory.data(), 1U << 20, 0);
            if (bytes <= 0) return;
            received += static_cast<std::uint64_t>(bytes);
        }
    });
    const HugeMemory memory(step);
    const auto start = now();
    while (seconds_since(start) < seconds) {
        checked(send(pair.near, memory.data(), step, MSG_NOSIGNAL), "send");
    }
    shutdown(pair.near, SHUT_WR);
    receiver.join();
    return static_cast<double>(received) / seconds_since(start);
}

}  // namespace

double raw_tcp(const ProbeOptions& options) {
    double best = 0;
    for (const std::size_t step : {64U << 10, 256U << 10, 1U << 20}) {
        best = std::max(best, transfer(step, options.seconds / 2));
    }
    return best;
}

double raw_rtt(const ProbeOptions& options) {
    const ConnectedPair pair;
    constexpr std::size_t kBytes = 64;
    std::thread echo([&] {
        std::array<char, kBytes> message{};
        for (;;) {
            const auto bytes = recv(pair.far, message.data(), kBytes, MSG_WAITALL);
            if (bytes <= 0) return;
            checked(send(pair.far, message.data(), kBytes, MSG_NOSIGNAL), "send");
        }
    });
    std::array<char, kBytes> message{};
    std::vector<double> samples;
    const auto start = now();
    while (seconds_since(start) < options.seconds) {
        const auto began = now();
        checked(send(pair.near, message.data(), kBytes, MSG_NOSIGNAL), "send");
        checked(recv(pair.near, message.data(), kBytes, MSG_WAITALL), "recv");
        samples.push_back(seconds_since(began) * 1e6);
    }
    shutdown(pair.near, SHUT_WR);
    echo.join();
    return latency_of(samples).p50_us;
}

}  // namespace millrace::bench
