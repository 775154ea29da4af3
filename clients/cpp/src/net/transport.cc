// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "net/transport.h"

#include <memory>

namespace millrace::detail {

struct Transport::Write {
    uv_write_t request{};
    Transport* transport = nullptr;
    std::uint32_t number = 0;
};

Transport::Transport(std::uint32_t frame_bytes_max, TransportListener& listener)
        : listener_(listener), reader_(frame_bytes_max) {}

Transport* Transport::connect(EventLoop& loop,
                              const Endpoint& endpoint,
                              std::uint32_t frame_bytes_max,
                              TransportListener& listener) {
    // Its own owner until its close callback, as a libuv handle must be.
    auto* transport = new Transport(frame_bytes_max, listener);  // lint: allowed, see above.
    transport->start(loop, endpoint);
    return transport;
}

void Transport::start(EventLoop& loop, const Endpoint& endpoint) {
    const auto on_connect = [](uv_connect_t* request, int status) noexcept {
        static_cast<Transport*>(request->data)->connected(status);
    };
    text_ = endpoint.text;
    connect_request_.data = this;
    if (!endpoint.path.empty()) {
        uv_pipe_init(loop.handle(), &handle_.pipe, 0);
        handle_.any.data = this;
        uv_pipe_connect(&connect_request_, &handle_.pipe, endpoint.path.c_str(), on_connect);
        return;
    }
    uv_tcp_init(loop.handle(), &handle_.tcp);
    handle_.any.data = this;
    const int error = uv_tcp_connect(&connect_request_,
                                     &handle_.tcp,
                                     reinterpret_cast<const sockaddr*>(&endpoint.socket_address),
                                     on_connect);
    if (error != 0) system_error(ErrorCode::unreachable, "cannot be reached", error);
}

void Transport::system_error(ErrorCode code, const char* what, int error) noexcept {
    close({code, text_ + " " + what + ": " + uv_strerror(error)});
}

void Transport::connected(int status) noexcept {
    if (closing_) return;
    if (status != 0) return system_error(ErrorCode::unreachable, "cannot be reached", status);
    if (handle_.any.type == UV_TCP) uv_tcp_nodelay(&handle_.tcp, 1);
    const int error = uv_read_start(
            stream(),
            [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) noexcept {
                const auto room = static_cast<Transport*>(handle->data)->reader_.room();
                *buffer = uv_buf_init(reinterpret_cast<char*>(room.data()),
                                      static_cast<unsigned>(room.size()));
            },
            [](uv_stream_t* handle, ssize_t bytes, const uv_buf_t*) noexcept {
                static_cast<Transport*>(handle->data)->arrived(bytes);
            });
    if (error != 0) return system_error(ErrorCode::unreachable, "cannot be read from", error);
    listener_.transport_connected();
}

void Transport::arrived(std::ptrdiff_t bytes) noexcept {
    if (bytes == UV_EOF) {
        return close({ErrorCode::disconnected, text_ + " closed the connection."});
    }
    if (bytes < 0) {
        return system_error(
                ErrorCode::disconnected, "ended the connection", static_cast<int>(bytes));
    }
    reader_.arrived(static_cast<std::size_t>(bytes));
    while (!closing_) {
        auto frame = reader_.next();
        if (!frame) {
            return close({ErrorCode::protocol_violation, text_ + ": " + frame.error().message});
        }
        if (!frame->has_value()) return;
        listener_.transport_frame(**std::move(frame));
    }
}

void Transport::write(std::span<const uv_buf_t> buffers, std::uint32_t number) {
    if (closing_) return;
    auto write = std::make_unique<Write>();
    write->transport = this;
    write->number = number;
    write->request.data = write.get();
    const int error =
            uv_write(&write->request,
                     stream(),
                     buffers.data(),
                     static_cast<unsigned>(buffers.size()),
                     [](uv_write_t* request, int status) noexcept {
                         const std::unique_ptr<Write> done(static_cast<Write*>(request->data));
                         auto& transport = *done->transport;
                         if (transport.closing_) return;
                         if (status != 0) {
                             return transport.system_error(
                                     ErrorCode::disconnected, "ended the connection", status);
                         }
                         transport.listener_.transport_written(done->number);
                     });
    if (error != 0) return system_error(ErrorCode::disconnected, "cannot be written to", error);
    static_cast<void>(write.release());  // Its callback owns it.
}

void Transport::close(Error why) noexcept {
    if (closing_) return;
    closing_ = true;
    why_ = std::move(why);
    uv_close(&handle_.any, [](uv_handle_t* handle) noexcept {
        const std::unique_ptr<Transport, void (*)(Transport*)> self(
                static_cast<Transport*>(handle->data), [](Transport* ended) { delete ended; });
        self->listener_.transport_closed(self->why_);
    });
}

}  // namespace millrace::detail
