// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One socket: connects, writes frames, reads frames, ends.
//
// Lifecycle:   connect() makes it; it frees itself after transport_closed, its last call.
// Thread:      the loop's.
#pragma once

#include "net/call.h"
#include "net/event_loop.h"
#include "net/frame_reader.h"
#include "net/resolve.h"

#include <cstdint>
#include <span>

namespace millrace::detail {

class TransportListener {
public:
    virtual void transport_connected() noexcept = 0;
    virtual void transport_frame(Response frame) noexcept = 0;
    // The socket has all bytes of the write with this number.
    virtual void transport_written(std::uint32_t number) noexcept = 0;
    // Everything that was borrowed is free. `why` is the first thing that went wrong.
    virtual void transport_closed(const Error& why) noexcept = 0;

protected:
    ~TransportListener() = default;
};

class Transport {
public:
    // The listener stays until transport_closed.
    static Transport* connect(EventLoop& loop,
                              const Endpoint& endpoint,
                              std::uint32_t frame_bytes_max,
                              TransportListener& listener);

    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    // Borrows the bytes until transport_written or transport_closed.
    void write(std::span<const uv_buf_t> buffers, std::uint32_t number);

    // Ends it with this reason, unless it is ending already. No frame comes after this.
    void close(Error why) noexcept;

    void set_frame_bytes_max(std::uint32_t bytes) noexcept { reader_.set_frame_bytes_max(bytes); }

private:
    struct Write;

    Transport(std::uint32_t frame_bytes_max, TransportListener& listener);
    ~Transport() = default;

    void start(EventLoop& loop, const Endpoint& endpoint);
    void connected(int status) noexcept;
    void arrived(std::ptrdiff_t bytes) noexcept;
    void system_error(ErrorCode code, const char* what, int error) noexcept;

    uv_stream_t* stream() noexcept { return reinterpret_cast<uv_stream_t*>(&handle_); }

    union {
        uv_handle_t any;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } handle_{};

    uv_connect_t connect_request_{};
    TransportListener& listener_;
    FrameReader reader_;
    std::string text_;
    Error why_;
    bool closing_ = false;
};

}  // namespace millrace::detail
