// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/clients/cpp/support/fake_broker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace millrace::testing {

struct FakeBroker::Connection {
    explicit Connection(int handle, std::uint64_t count) : socket(handle), number(count) {}

    ~Connection() { close(socket); }

    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    int socket;
    std::uint64_t number;
    std::vector<std::byte> received;
    std::vector<FakeRequest> held;  // Fetches that wait for records.
    bool ended = false;
};

FakeBroker::FakeBroker() {
    greeting_.request_bytes_max = 8U << 20;
    greeting_.requests_in_flight_max = 64;
    greeting_.bytes_in_flight_max = 32U << 20;
    listen_socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bell_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(listen_socket_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        listen(listen_socket_, 16) != 0 ||
        getsockname(listen_socket_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        throw std::runtime_error("the fake broker cannot listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
}

FakeBroker::~FakeBroker() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    ring();
    thread_.join();
    connections_.clear();
    close(listen_socket_);
    close(bell_);
}

std::string FakeBroker::address() const {
    return "127.0.0.1:" + std::to_string(port_);
}

void FakeBroker::ring() const {
    const std::uint64_t one = 1;
    EXPECT_EQ(write(bell_, &one, sizeof one), ssize_t{sizeof one});
}

void FakeBroker::intercept(wire::Api api, Interceptor interceptor) {
    const std::lock_guard lock(mutex_);
    interceptors_[static_cast<std::uint16_t>(api)] = std::move(interceptor);
}

void FakeBroker::set_greeting(const wire::HelloResponse& greeting) {
    const std::lock_guard lock(mutex_);
    greeting_ = greeting;
}

void FakeBroker::drop_connections() {
    {
        const std::lock_guard lock(mutex_);
        drop_ = true;
    }
    ring();
}

std::size_t FakeBroker::requests(wire::Api api) const {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(static_cast<std::uint16_t>(api));
    return found == counts_.end() ? 0 : found->second;
}

std::size_t FakeBroker::connections() const {
    const std::lock_guard lock(mutex_);
    return next_connection_ - 1;
}

void FakeBroker::change(const std::function<void(FakeTopics&)>& how) {
    {
        const std::lock_guard lock(mutex_);
        how(topics_);
    }
    ring();
}

FakeAnswer FakeBroker::greeting() const {
    FakeAnswer answer;
    auto fixed = greeting_;
    std::vector<wire::Api> apis{wire::Api::metadata,
                                wire::Api::create_topics,
                                wire::Api::produce,
                                wire::Api::fetch,
                                wire::Api::list_offsets};
    if (next_producer_id_ >= 0) apis.push_back(wire::Api::init_producer);
    fixed.api_count = static_cast<std::uint16_t>(apis.size());
    answer.payload.resize(sizeof fixed + sizeof(wire::ApiRange) * apis.size());
    std::memcpy(answer.payload.data(), &fixed, sizeof fixed);
    auto* at = answer.payload.data() + sizeof fixed;
    for (const auto api : apis) {
        const wire::ApiRange range{static_cast<std::uint16_t>(api), 1, 1, 0};
        std::memcpy(at, &range, sizeof range);
        at += sizeof range;
    }
    return answer;
}

void FakeBroker::give_producer_ids(std::int64_t first) {
    const std::lock_guard lock(mutex_);
    next_producer_id_ = first;
}

void FakeBroker::run() {
    for (;;) {
        std::vector<pollfd> entries{{.fd = bell_, .events = POLLIN, .revents = 0},
                                    {.fd = listen_socket_, .events = POLLIN, .revents = 0}};
        for (const auto& connection : connections_) {
            entries.push_back({.fd = connection->socket, .events = POLLIN, .revents = 0});
        }
        poll(entries.data(), entries.size(), -1);
        bool drop = false;
        if (entries[0].revents != 0) {
            std::uint64_t count = 0;
            EXPECT_EQ(read(bell_, &count, sizeof count), ssize_t{sizeof count});
            const std::lock_guard lock(mutex_);
            if (stop_) return;
            drop = std::exchange(drop_, false);
        }
        for (std::size_t i = 2; i < entries.size(); ++i) {
            auto& connection = *connections_[i - 2];
            if (entries[i].revents != 0 && !read_some(connection)) connection.ended = true;
        }
        answer_held();
        std::erase_if(connections_, [&](const auto& each) { return drop || each->ended; });
        if (entries[1].revents != 0) accept_one();
    }
}

void FakeBroker::accept_one() {
    const int socket = accept4(listen_socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const std::lock_guard lock(mutex_);
    connections_.push_back(std::make_unique<Connection>(socket, next_connection_++));
}

bool FakeBroker::read_some(Connection& connection) {
    std::byte chunk[64 << 10];
    const auto bytes = recv(connection.socket, chunk, sizeof chunk, 0);
    if (bytes <= 0) return false;
    auto& received = connection.received;
    received.insert(received.end(), chunk, chunk + bytes);
    while (received.size() >= wire::kFrameHeaderBytes) {
        FakeRequest request;
        request.header =
                wire::load_frame_header(std::span<const std::byte, wire::kFrameHeaderBytes>(
                        received.data(), wire::kFrameHeaderBytes));
        const auto total = static_cast<std::ptrdiff_t>(request.header.total_bytes());
        if (std::ssize(received) < total) break;
        const auto table = received.begin() + wire::kFrameHeaderBytes;
        const auto payload = table + request.header.table_bytes;
        request.table.assign(table, payload);
        request.payload.assign(payload, received.begin() + total);
        request.connection = connection.number;
        received.erase(received.begin(), received.begin() + total);
        if (!serve(connection, std::move(request))) return false;
    }
    return true;
}

bool FakeBroker::serve(Connection& connection, FakeRequest request) {
    const auto api = static_cast<wire::Api>(request.header.api);
    Interceptor interceptor;
    {
        const std::lock_guard lock(mutex_);
        ++counts_[request.header.api];
        interceptor = interceptors_[request.header.api];
    }
    std::optional<FakeAnswer> answer;
    if (interceptor) answer = interceptor(request);
    if (!answer) {
        const std::lock_guard lock(mutex_);
        switch (api) {
            case wire::Api::hello:
                answer = greeting();
                break;
            case wire::Api::metadata:
                answer = topics_.metadata(request);
                break;
            case wire::Api::create_topics:
                answer = topics_.create_topics(request);
                break;
            case wire::Api::init_producer:
                answer = producer_id_answer(next_producer_id_++);
                break;
            case wire::Api::produce:
                answer = topics_.produce(request);
                break;
            case wire::Api::list_offsets:
                answer = topics_.list_offsets(request);
                break;
            case wire::Api::fetch:
                answer = topics_.fetch(request);
                if (!answer) connection.held.push_back(std::move(request));
                break;
            default:
                return false;
        }
    }
    if (!answer || answer->kind == FakeAnswer::Kind::silence) return true;
    if (answer->kind == FakeAnswer::Kind::hang_up) return false;
    if ((request.header.flags & wire::kFlagOneWay) == 0) send(connection, request, *answer);
    return true;
}

void FakeBroker::answer_held() {
    for (const auto& connection : connections_) {
        std::erase_if(connection->held, [&](const FakeRequest& request) {
            std::optional<FakeAnswer> answer;
            {
                const std::lock_guard lock(mutex_);
                answer = topics_.fetch(request);
            }
            if (answer) send(*connection, request, *answer);
            return answer.has_value();
        });
    }
}

void FakeBroker::send(Connection& connection,
                      const FakeRequest& request,
                      const FakeAnswer& answer) {
    std::vector<std::byte> bytes;
    if (answer.kind == FakeAnswer::Kind::raw) {
        bytes = answer.payload;
    } else {
        auto header = request.header;
        header.flags = wire::kFlagResponse;
        header.table_bytes = static_cast<std::uint32_t>(answer.table.size());
        bytes.resize(wire::kFrameHeaderBytes);
        bytes.insert(bytes.end(), answer.table.begin(), answer.table.end());
        bytes.insert(bytes.end(), answer.payload.begin(), answer.payload.end());
        bytes.resize(wire::padded(static_cast<std::uint32_t>(bytes.size())));
        header.frame_bytes = static_cast<std::uint32_t>(bytes.size()) - 4;
        wire::store_frame_header(header,
                                 std::span<std::byte, wire::kFrameHeaderBytes>(
                                         bytes.data(), wire::kFrameHeaderBytes));
    }
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        const auto count =
                ::send(connection.socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) {
            connection.ended = true;
            return;
        }
        sent += static_cast<std::size_t>(count);
    }
}

}  // namespace millrace::testing
