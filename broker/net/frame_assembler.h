// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The receiving side of one connection without its socket: says where the next bytes go, and gives
// out frames as they become whole. Small frames are read many at a time into a pooled chunk, which
// is held only while a frame is partial. A large frame has a buffer of its own; once a connection
// has sent one, headers are read alone, so that the payload goes straight where it stays.
//
// Thread:      its shard's.
// Invariant:   a frame's first byte is 8-aligned, and the frame lies in one buffer.
#pragma once

#include "broker/net/frame_decoder.h"
#include "broker/net/frame_handler.h"
#include "broker/net/receive_pool.h"

#include <array>
#include <cstdint>

namespace millrace::broker {

class FrameAssembler {
public:
    explicit FrameAssembler(ReceivePool& pool) noexcept : pool_(pool) {}

    ~FrameAssembler();
    FrameAssembler(const FrameAssembler&) = delete;
    FrameAssembler& operator=(const FrameAssembler&) = delete;

    // Until then: handshake buffers and the limit before authentication.
    void set_authenticated(std::uint32_t frame_bytes_max) noexcept;

    [[nodiscard]] bool authenticated() const noexcept { return authenticated_; }

    // Where to read next. Empty: there is no memory; wait at the pool and ask again.
    [[nodiscard]] engine::MutableBytes space() noexcept;
    void received(std::size_t bytes) noexcept;

    // whole: `frame` is set and holds its buffer. Call until it is not.
    [[nodiscard]] DecodeStatus next(IncomingFrame& frame) noexcept;

    // After `malformed`.
    [[nodiscard]] std::string_view reason() const noexcept { return reason_; }

    [[nodiscard]] engine::Bytes unread() const noexcept;

    // Some bytes of a frame have arrived.
    [[nodiscard]] bool partial() const noexcept;
    // Bytes that a large frame still lacks; 0 when none is being read.
    [[nodiscard]] std::uint32_t missing() const noexcept;
    // Lets the chunk go when nothing in it is unread. At the end of a turn of reading.
    void rest() noexcept;

private:
    [[nodiscard]] PooledBuffer* take_for(std::uint32_t frame_bytes) noexcept;
    void adopt(PooledBuffer* buffer) noexcept;
    void drop() noexcept;
    [[nodiscard]] bool place_header() noexcept;
    [[nodiscard]] bool make_room() noexcept;
    [[nodiscard]] bool pay_until(std::uint32_t end) noexcept;
    [[nodiscard]] bool large() const noexcept;

    ReceivePool& pool_;
    ReceiveRef reference_;  // Keeps buffer_.
    PooledBuffer* buffer_ = nullptr;
    std::uint32_t begin_ = 0;                         // Of what is not yet given out.
    std::uint32_t end_ = 0;                           // Of what has arrived.
    std::uint32_t read_limit_ = 0;                    // Plain reads end here.
    std::uint32_t needed_ = wire::kFrameHeaderBytes;  // Of the frame at begin_, as far as known.
    std::uint32_t frame_bytes_max_ = wire::kFrameBytesMaxBeforeAuthentication;
    bool authenticated_ = false;
    bool header_alone_ = false;      // The last frame was a large one.
    std::uint8_t header_bytes_ = 0;  // Of header_, while no buffer is held.
    std::array<std::byte, wire::kFrameHeaderBytes> header_{};
    std::string_view reason_;
};

}  // namespace millrace::broker
