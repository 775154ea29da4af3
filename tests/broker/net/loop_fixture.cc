// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/broker/net/loop_fixture.h"

#include "broker/net/listen_socket.h"
#include "broker/net/socket_names.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace millrace::broker {

void RecordedEvents::event(engine::Level level,
                           std::string_view name,
                           std::string_view message,
                           std::initializer_list<engine::EventField>) noexcept {
    lines.push_back(std::string(name) + " " + std::string(message));
    if (level >= engine::Level::warning) ++warnings;
}

void RecordingHandler::frame(Peer& peer, IncomingFrame&& frame) noexcept {
    if (authenticate) peer.set_authenticated();
    if (at_once) {
        at_once(peer, frame);
        return;
    }
    requests.push_back({&peer, std::move(frame)});
}

void RecordingHandler::closed(Peer& peer) noexcept {
    ++closed_count;
    std::erase(peers, &peer);
    std::erase_if(requests, [&](const Request& request) { return request.peer == &peer; });
}

void RecordingHandler::answer(std::string_view table) {
    auto request = std::move(requests.front());
    requests.pop_front();
    const wire::FrameHeader header{.correlation_id = request.frame.header.correlation_id};
    request.peer->send(header, std::as_bytes(std::span(table)), {});
    request.peer->finish_request(request.frame.header.frame_bytes);
}

void DirectPost::run() {
    while (!tasks.empty()) {
        auto* task = tasks.front();
        tasks.pop_front();
        task->run(*task);
    }
}

LoopTest::LoopTest() {
    uv_loop_init(&loop_);
}

LoopTest::~LoopTest() {
    for (const int client : clients_)
        close(client);
    handler_.requests.clear();
    if (set_ != nullptr) {
        set_->close_all("the test ends", false);
        turn_until([this] { return set_->empty(); });
        set_.reset();
    }
    pool_.reset();
    if (budget_ != nullptr) {
        EXPECT_EQ(budget_->used(), 0U);
        EXPECT_EQ(handshake_->used(), 0U);
    }
    EXPECT_EQ(responses_.used(), 0U);
    EXPECT_EQ(uv_loop_close(&loop_), 0);
}

void LoopTest::start(ConnectionLimits limits, std::uint64_t receive_bytes) {
    budget_ = std::make_unique<ReceiveBudget>(receive_bytes, post_);
    handshake_ = std::make_unique<ReceiveBudget>(4 << 20, post_);
    pool_ = std::make_unique<ReceivePool>(0, *budget_, *handshake_);
    set_ = std::make_unique<ConnectionSet>(ConnectionSetParts{.loop = loop_,
                                                              .handler = handler_,
                                                              .timers = timers_,
                                                              .clock = clock_,
                                                              .events = events_,
                                                              .pool = *pool_,
                                                              .blocks = blocks_,
                                                              .turn = turn_,
                                                              .open_count = open_count_,
                                                              .limits = limits});
}

int LoopTest::connect_tcp() {
    const auto address = resolve_listen_address("127.0.0.1:0");
    auto listening = bind_to(*address);
    EXPECT_TRUE(listening->front().listen());
    sockaddr_in name{};
    socklen_t size = sizeof name;
    getsockname(listening->front().descriptor(), reinterpret_cast<sockaddr*>(&name), &size);
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&name), size), 0);
    fcntl(client, F_SETFL, O_NONBLOCK);
    pollfd ready{.fd = listening->front().descriptor(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&ready, 1, 5000), 1);
    const int accepted = accept4(ready.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    clients_.push_back(client);
    ++open_count_;
    set_->adopt(accepted, "client");
    return client;
}

int LoopTest::connect_unix() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    clients_.push_back(ends[0]);
    ++open_count_;
    set_->adopt(ends[1], "local");
    return ends[0];
}

void LoopTest::turn() {
    uv_run(&loop_, UV_RUN_NOWAIT);
    post_.run();
    for (int round = 0; round < 100 && set_->marked(); ++round)
        set_->end_turn();
    set_->end_turn();
}

bool LoopTest::turn_until(const std::function<bool()>& condition, int idle_max) {
    for (int idle = 0; idle < idle_max; ++idle) {
        turn();
        if (condition()) return true;
        pollfd ready{.fd = uv_backend_fd(&loop_), .events = POLLIN, .revents = 0};
        if (poll(&ready, 1, 1) > 0) idle = 0;
    }
    return false;
}

void LoopTest::pass(engine::MonotonicTime time) {
    clock_.advance(time);
    timers_.run();
    turn();
}

std::vector<std::byte> LoopTest::request(std::uint32_t correlation,
                                         std::uint32_t table_bytes,
                                         std::uint32_t payload_bytes) {
    const wire::FrameHeader header{
            .frame_bytes = wire::kFrameBytesMin + table_bytes + payload_bytes,
            .api = 30,
            .correlation_id = correlation,
            .table_bytes = table_bytes};
    std::vector<std::byte> bytes(header.total_bytes());
    wire::store_frame_header(header, std::span(bytes).first<wire::kFrameHeaderBytes>());
    for (std::size_t at = wire::kFrameHeaderBytes; at < bytes.size(); ++at)
        bytes[at] = static_cast<std::byte>(correlation + at * 7 + (at >> 8));
    return bytes;
}

void LoopTest::write(int socket, engine::Bytes bytes) {
    for (int stuck = 0; !bytes.empty() && stuck < 1000;) {
        const auto count = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(count));
            stuck = 0;
        } else {
            ++stuck;
        }
        turn();
    }
    EXPECT_TRUE(bytes.empty());
}

int LoopTest::connect(bool unix_socket) {
    const int client = unix_socket ? connect_unix() : connect_tcp();
    write(client, request(0, 0, 0));
    EXPECT_TRUE(turn_until([&] { return !handler_.requests.empty(); }));
    handler_.requests.front().peer->finish_request(wire::kFrameBytesMin);
    handler_.requests.clear();
    return client;
}

std::vector<std::byte> LoopTest::read(int socket) {
    std::vector<std::byte> bytes;
    std::byte part[65536];
    for (;;) {
        const auto count = recv(socket, part, sizeof part, 0);
        if (count <= 0) return bytes;
        bytes.insert(bytes.end(), part, part + count);
    }
}

bool LoopTest::at_end(int socket) {
    std::byte one;
    return recv(socket, &one, 1, MSG_PEEK) == 0 || errno == ECONNRESET;
}

bool LoopTest::closed_with(std::string_view reason) const {
    for (const auto& line : events_.lines) {
        if (line.starts_with("connection.closed") && line.find(reason) != std::string::npos) {
            return true;
        }
    }
    return false;
}

}  // namespace millrace::broker
