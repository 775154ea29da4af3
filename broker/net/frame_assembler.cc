// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/net/frame_assembler.h"

#include "engine/assert.h"
#include "engine/base/payload_copy.h"

#include <algorithm>

namespace millrace::broker {

namespace {

constexpr std::uint32_t kStepBytes = 256U << 10;      // Of a large frame, paid for at a time,
constexpr std::uint32_t kSmallStepBytes = 64U << 10;  // or this when memory is short.

}  // namespace

FrameAssembler::~FrameAssembler() {
    drop();
}

void FrameAssembler::set_authenticated(std::uint32_t frame_bytes_max) noexcept {
    authenticated_ = true;
    frame_bytes_max_ = frame_bytes_max;
}

bool FrameAssembler::large() const noexcept {
    return needed_ > kChunkFrameBytesMax;
}

engine::MutableBytes FrameAssembler::space() noexcept {
    if (buffer_ == nullptr) {
        if (header_alone_ && header_bytes_ < header_.size()) {
            return engine::MutableBytes(header_).subspan(header_bytes_);
        }
        if (header_bytes_ == header_.size()) {
            if (!place_header()) return {};
        } else {
            auto* buffer = authenticated_ ? pool_.take_chunk() : pool_.take_handshake();
            if (buffer == nullptr) return {};
            adopt(buffer);
        }
    }
    if (!make_room()) return {};
    auto end = std::max(read_limit_, begin_ + needed_);
    if (large() && end_ < end) {
        const auto step = std::min(end, end_ + kStepBytes);
        end = std::max(step, std::min(end, buffer_->charged));
    }
    if (!pay_until(end)) {
        end = std::min(end, end_ + kSmallStepBytes);
        if (!pay_until(end)) return {};
    }
    ASSERT(end > end_);
    return {buffer_->data + end_, end - end_};
}

bool FrameAssembler::pay_until(std::uint32_t end) noexcept {
    if (pool_.grow(*buffer_, end, false)) return true;
    return pool_.claim_beyond(this) && pool_.grow(*buffer_, end, true);
}

void FrameAssembler::received(std::size_t bytes) noexcept {
    if (buffer_ == nullptr) {
        header_bytes_ = static_cast<std::uint8_t>(header_bytes_ + bytes);
        ASSERT(header_bytes_ <= header_.size());
        return;
    }
    end_ += static_cast<std::uint32_t>(bytes);
    ASSERT(end_ <= buffer_->capacity);
}

DecodeStatus FrameAssembler::next(IncomingFrame& frame) noexcept {
    const auto decoded = decode_frame(unread(), frame_bytes_max_);
    needed_ = decoded.needed_bytes;
    if (decoded.status == DecodeStatus::malformed) reason_ = decoded.reason;
    if (decoded.status != DecodeStatus::whole) return decoded.status;
    if (buffer_ == nullptr && !place_header()) return DecodeStatus::incomplete;  // A bare header.
    header_alone_ = large();
    frame.header = decoded.header;
    const auto* start = buffer_->data + begin_;
    frame.table = {start + wire::kFrameHeaderBytes, decoded.table.size()};
    frame.payload = {start + wire::kFrameHeaderBytes + decoded.table.size(),
                     decoded.payload.size()};
    frame.buffer = reference_;
    begin_ += needed_;
    needed_ = wire::kFrameHeaderBytes;
    if (header_alone_ && begin_ == end_) drop();
    return DecodeStatus::whole;
}

engine::Bytes FrameAssembler::unread() const noexcept {
    if (buffer_ == nullptr) return engine::Bytes(header_).first(header_bytes_);
    return {buffer_->data + begin_, end_ - begin_};
}

bool FrameAssembler::partial() const noexcept {
    return !unread().empty();
}

std::uint32_t FrameAssembler::missing() const noexcept {
    if (buffer_ == nullptr || !large()) return 0;
    return needed_ - (end_ - begin_);
}

void FrameAssembler::rest() noexcept {
    if (buffer_ != nullptr && begin_ == end_) drop();
}

PooledBuffer* FrameAssembler::take_for(std::uint32_t frame_bytes) noexcept {
    const auto take = [&](bool beyond) {
        return frame_bytes > kChunkFrameBytesMax ? pool_.take_large(frame_bytes, beyond)
                                                 : pool_.take_chunk(beyond);
    };
    if (auto* buffer = take(false); buffer != nullptr) return buffer;
    // Part of the frame is there already.
    return pool_.claim_beyond(this) ? take(true) : nullptr;
}

void FrameAssembler::adopt(PooledBuffer* buffer) noexcept {
    reference_ = ReceiveRef(buffer);
    buffer_ = buffer;
    begin_ = 0;
    end_ = 0;
    read_limit_ = large() ? 0 : std::min(buffer->charged, kChunkReadBytes);
    if (!authenticated_) read_limit_ = kHandshakeReadBytes;
}

void FrameAssembler::drop() noexcept {
    reference_ = ReceiveRef();
    buffer_ = nullptr;
    begin_ = 0;
    end_ = 0;
    pool_.release_beyond(this);
}

// Gives a header that was read alone the buffer of its frame.
bool FrameAssembler::place_header() noexcept {
    auto* buffer = take_for(needed_);
    if (buffer == nullptr) return false;
    adopt(buffer);
    wire::store_frame_header(
            wire::load_frame_header(header_),
            std::span<std::byte, wire::kFrameHeaderBytes>(buffer->data, wire::kFrameHeaderBytes));
    end_ = std::exchange(header_bytes_, std::uint8_t{0});
    return true;
}

// The frame at begin_ must end in its buffer, and a plain read needs some room. Moves what has
// arrived of the frame to the start of another buffer when it does not.
bool FrameAssembler::make_room() noexcept {
    const bool fits = begin_ + needed_ <= buffer_->capacity;
    if (fits && end_ < std::max(read_limit_, begin_ + needed_)) return true;
    const auto arrived = unread();
    if (arrived.empty() && buffer_->references.load(std::memory_order_acquire) == 1) {
        begin_ = 0;  // Nobody else looks at it any more: read it full again.
        end_ = 0;
        return true;
    }
    auto* buffer = authenticated_ ? take_for(needed_) : pool_.take_handshake();
    if (buffer == nullptr) return false;
    const ReceiveRef old = reference_;  // `arrived` lies in it.
    // Payload too, up to one plain read of it, on a connection's first large frame.
    if (!arrived.empty()) engine::copy_payload(buffer->data, arrived.data(), arrived.size());
    adopt(buffer);
    end_ = static_cast<std::uint32_t>(arrived.size());
    return true;
}

}  // namespace millrace::broker
