// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/raw_client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace millrace::testing {

namespace {

constexpr int kPatienceMs = 10'000;

}  // namespace

std::vector<std::byte> bytes_of(const RequestFrame& frame) {
    const auto header = bytes_of(frame.header);
    const std::span body(reinterpret_cast<const std::byte*>(frame.memory->data()),
                         frame.table_bytes + frame.payload_bytes);
    std::vector<std::byte> bytes(header.size() + body.size());
    std::copy(header.begin(), header.end(), bytes.begin());
    std::copy(body.begin(), body.end(), bytes.begin() + static_cast<std::ptrdiff_t>(header.size()));
    return bytes;
}

std::vector<std::byte> bytes_of(const wire::FrameHeader& header) {
    std::vector<std::byte> bytes(wire::kFrameHeaderBytes);
    wire::store_frame_header(header, std::span(bytes).first<wire::kFrameHeaderBytes>());
    return bytes;
}

RawClient::RawClient(const std::string& address) {
    const auto colon = address.rfind(':');
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    inet_pton(AF_INET, address.substr(0, colon).c_str(), &name.sin_addr);
    socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
        ::close(socket_);
        throw std::runtime_error("no broker at " + address);
    }
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

RawClient::~RawClient() {
    if (socket_ >= 0) ::close(socket_);
}

RawClient::RawClient(RawClient&& other) noexcept
        : socket_(std::exchange(other.socket_, -1)),
          at_end_(other.at_end_),
          received_(std::move(other.received_)),
          taken_(other.taken_) {}

void RawClient::wait(bool to_write) {
    const auto wanted = static_cast<short>(to_write ? POLLIN | POLLOUT : POLLIN);
    pollfd entry{.fd = socket_, .events = wanted, .revents = 0};
    if (poll(&entry, 1, kPatienceMs) == 0) throw std::runtime_error("the broker does nothing");
}

std::size_t RawClient::write_some(engine::Bytes bytes) {
    const auto count = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) at_end_ = true;
    return 0;
}

bool RawClient::write(engine::Bytes bytes) {
    while (!bytes.empty() && !at_end_) {
        const auto count = write_some(bytes);
        bytes = bytes.subspan(count);
        if (count != 0) continue;
        pollfd entry{.fd = socket_, .events = POLLOUT, .revents = 0};
        if (poll(&entry, 1, kPatienceMs) == 0) throw std::runtime_error("the broker reads nothing");
    }
    return bytes.empty();
}

// More bytes into received_. False at the end, or when there are none now.
bool RawClient::receive() {
    received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
    constexpr std::size_t kStep = 256U << 10;
    const auto size = received_.size();
    received_.resize(size + kStep);
    const auto count = recv(socket_, received_.data() + size, kStep, MSG_DONTWAIT);
    received_.resize(size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0 || (count < 0 && errno == ECONNRESET)) at_end_ = true;
    return count > 0;
}

std::optional<Answer> RawClient::take() {
    const auto rest = engine::Bytes(received_).subspan(taken_);
    if (rest.size() < wire::kFrameHeaderBytes) return std::nullopt;
    Answer answer;
    answer.header = wire::load_frame_header(rest.first<wire::kFrameHeaderBytes>());
    if (rest.size() < answer.header.total_bytes()) return std::nullopt;
    taken_ += answer.header.total_bytes();
    answer.table_bytes = answer.header.table_bytes;
    answer.table = std::make_shared<std::vector<std::uint64_t>>(answer.table_bytes / 8 + 1);
    const auto body = rest.first(answer.header.total_bytes()).subspan(wire::kFrameHeaderBytes);
    std::memcpy(answer.table->data(), body.data(), answer.table_bytes);
    const auto payload = body.subspan(answer.table_bytes);
    answer.payload.assign(payload.begin(), payload.end());
    return answer;
}

std::optional<Answer> RawClient::read() {
    for (;;) {
        if (auto answer = take()) return answer;
        if (receive()) continue;
        if (at_end_) return std::nullopt;
        wait(false);
    }
}

std::vector<Answer> RawClient::read_ready() {
    std::vector<Answer> answers;
    do {
        while (auto answer = take())
            answers.push_back(std::move(*answer));
    } while (receive());
    return answers;
}

Answer RawClient::ask(const RequestFrame& frame) {
    if (!write(frame)) throw std::runtime_error("the broker closed before it was asked");
    auto answer = read();
    if (!answer) throw std::runtime_error("the broker closed instead of an answer");
    if (answer->header.correlation_id != frame.header.correlation_id ||
        answer->header.api != frame.header.api) {
        throw std::runtime_error("the broker answered something else");
    }
    return std::move(*answer);
}

bool RawClient::closed_in_silence() {
    return !read().has_value() && received_.empty();
}

void RawClient::shut_down_writing() {
    shutdown(socket_, SHUT_WR);
}

void RawClient::reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(socket_, -1));
}

void RawClient::shrink_receive_buffer() {
    const int bytes = 4096;
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

}  // namespace millrace::testing
