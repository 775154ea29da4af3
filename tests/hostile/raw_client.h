// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A client that sends any bytes: one blocking socket, frames by hand.
//
// Thread:      one.
// Errors:      thrown, which fails the test; every wait ends after ten seconds.
#pragma once

#include "engine/types.h"
#include "tests/broker/request/peer_double.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace millrace::testing {

// The request as it travels.
[[nodiscard]] std::vector<std::byte> bytes_of(const RequestFrame& frame);
[[nodiscard]] std::vector<std::byte> bytes_of(const wire::FrameHeader& header);

class RawClient {
public:
    // Throws when nobody listens at "127.0.0.1:PORT".
    explicit RawClient(const std::string& address);
    ~RawClient();
    RawClient(RawClient&& other) noexcept;
    RawClient& operator=(RawClient&&) = delete;
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    // False when the broker has closed.
    bool write(engine::Bytes bytes);

    bool write(const RequestFrame& frame) { return write(bytes_of(frame)); }

    // What the socket takes at once, 0 when it is full.
    [[nodiscard]] std::size_t write_some(engine::Bytes bytes);

    // The next answer; none when the broker has closed.
    [[nodiscard]] std::optional<Answer> read();
    // Every answer that is there without waiting.
    [[nodiscard]] std::vector<Answer> read_ready();
    // The answer to this request, which must be the next one.
    [[nodiscard]] Answer ask(const RequestFrame& frame);
    // Waits until it can be read or, when `to_write`, written.
    void wait(bool to_write);

    // Waits for the end. True when no answer came before it.
    [[nodiscard]] bool closed_in_silence();

    // The socket; stays the client's.
    [[nodiscard]] int descriptor() const noexcept { return socket_; }

    void shut_down_writing();
    void reset();  // Closes with RST.
    void shrink_receive_buffer();

private:
    [[nodiscard]] bool receive();
    [[nodiscard]] std::optional<Answer> take();

    int socket_ = -1;
    bool at_end_ = false;
    std::vector<std::byte> received_;
    std::size_t taken_ = 0;
};

}  // namespace millrace::testing
