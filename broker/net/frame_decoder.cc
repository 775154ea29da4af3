// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/net/frame_decoder.h"

#include <algorithm>

namespace millrace::broker {

namespace {

constexpr std::size_t kLengthBytes = 4;

std::uint32_t load_length(engine::Bytes bytes) {
    std::uint32_t length = 0;
    for (std::size_t at = kLengthBytes; at > 0; --at)
        length = length << 8 | std::to_integer<std::uint32_t>(bytes[at - 1]);
    return length;
}

DecodedFrame malformed(std::string_view reason) {
    DecodedFrame frame;
    frame.status = DecodeStatus::malformed;
    frame.reason = reason;
    return frame;
}

// Empty when nothing is wrong.
std::string_view fault_of_length(std::uint32_t frame_bytes, std::uint32_t frame_bytes_max) {
    if (frame_bytes < wire::kFrameBytesMin) return "the frame is shorter than its header";
    if (frame_bytes > frame_bytes_max) return "the frame is larger than the connection may send";
    if ((frame_bytes + kLengthBytes) % wire::kFrameAlignment != 0) {
        return "the frame is not a multiple of 8 bytes";
    }
    return {};
}

std::string_view fault_of_header(const wire::FrameHeader& header) {
    if (header.magic != wire::kFrameMagic) return "the frame has the wrong magic";
    if (header.version != wire::kFrameVersion) return "the frame has an unknown version";
    if ((header.flags & ~wire::kFlagsKnown) != 0) return "the frame has unknown flags";
    if ((header.flags & wire::kFlagResponse) != 0) return "the frame is a response, not a request";
    if (header.reserved != 0) return "the frame's reserved field is not zero";
    if (header.table_bytes % wire::kFrameAlignment != 0) {
        return "the frame's table is not a multiple of 8 bytes";
    }
    if (header.table_bytes > wire::kTableBytesMax) return "the frame's table is too large";
    if (header.table_bytes > header.frame_bytes - wire::kFrameBytesMin) {
        return "the frame's table is longer than the frame";
    }
    return {};
}

bool begins_with(engine::Bytes bytes, std::string_view text) {
    if (bytes.size() < text.size()) return false;
    return std::equal(text.begin(), text.end(), bytes.begin(), [](char letter, std::byte byte) {
        return static_cast<std::byte>(letter) == byte;
    });
}

}  // namespace

DecodedFrame decode_frame(engine::Bytes arrived, std::uint32_t frame_bytes_max) noexcept {
    DecodedFrame frame;
    if (arrived.size() < kLengthBytes) return frame;
    const auto length = load_length(arrived);
    const auto cap = std::min(frame_bytes_max, wire::kFrameBytesCap);
    if (const auto fault = fault_of_length(length, cap); !fault.empty()) return malformed(fault);
    if (arrived.size() < wire::kFrameHeaderBytes) return frame;
    frame.header = wire::load_frame_header(arrived.first<wire::kFrameHeaderBytes>());
    if (const auto fault = fault_of_header(frame.header); !fault.empty()) return malformed(fault);
    frame.needed_bytes = frame.header.total_bytes();
    if (arrived.size() < frame.needed_bytes) return frame;
    frame.status = DecodeStatus::whole;
    const auto body =
            arrived.subspan(wire::kFrameHeaderBytes, frame.needed_bytes - wire::kFrameHeaderBytes);
    frame.table = body.first(frame.header.table_bytes);
    frame.payload = body.subspan(frame.header.table_bytes);
    return frame;
}

std::string_view protocol_hint(engine::Bytes arrived) noexcept {
    for (const std::string_view method :
         {"GET ", "POST", "PUT ", "HEAD", "DELE", "OPTI", "PATC", "CONN", "PRI "}) {
        if (begins_with(arrived, method)) {
            return "this looks like HTTP; the native protocol is spoken here";
        }
    }
    // A TLS record: handshake, version 3.x.
    if (begins_with(arrived, "\x16\x03")) {
        return "this looks like TLS; this listener speaks plain text";
    }
    // A Kafka request: big-endian length below 16 MiB, API key below 128, version below 64.
    constexpr std::size_t kKafkaBytes = 8;
    if (arrived.size() >= kKafkaBytes && arrived[0] == std::byte{0} && arrived[4] == std::byte{0} &&
        arrived[5] < std::byte{128} && arrived[6] == std::byte{0} && arrived[7] < std::byte{64}) {
        return "this looks like a Kafka client; it needs the Kafka gateway";
    }
    return {};
}

}  // namespace millrace::broker
