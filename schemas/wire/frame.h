// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The frame header of the native protocol, parsed by hand: see docs/wire_format.md. Shared by the
// broker and the clients; knows neither sockets nor FlatBuffers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace millrace::wire {

static_assert(std::endian::native == std::endian::little, "fields are read in place");

inline constexpr std::uint16_t kFrameMagic = 0x524D;  // "MR"
inline constexpr std::uint8_t kFrameVersion = 1;
inline constexpr std::uint8_t kFlagResponse = 1U << 0;
inline constexpr std::uint8_t kFlagOneWay = 1U << 1;
inline constexpr std::uint8_t kFlagsKnown = kFlagResponse | kFlagOneWay;

inline constexpr std::uint32_t kFrameHeaderBytes = 24;
inline constexpr std::uint32_t kFrameBytesMin = 20;  // Value of frame_bytes, bare header.
inline constexpr std::uint32_t kFrameBytesMaxBeforeAuthentication = 4096;
inline constexpr std::uint32_t kFrameBytesCap = 64U << 20;  // Whatever the settings say.
inline constexpr std::uint32_t kTableBytesMax = 1U << 20;
inline constexpr std::uint32_t kFrameAlignment = 8;

struct FrameHeader {
    std::uint32_t frame_bytes = kFrameBytesMin;  // That follow this field.
    std::uint16_t magic = kFrameMagic;
    std::uint8_t version = kFrameVersion;
    std::uint8_t flags = 0;
    std::uint16_t api = 0;
    std::uint16_t api_version = 0;
    std::uint32_t correlation_id = 0;
    std::uint32_t table_bytes = 0;  // A multiple of 8.
    std::uint32_t reserved = 0;

    [[nodiscard]] std::uint32_t total_bytes() const { return frame_bytes + 4; }
};

static_assert(sizeof(FrameHeader) == kFrameHeaderBytes);
static_assert(offsetof(FrameHeader, correlation_id) == 12 && offsetof(FrameHeader, reserved) == 20);

inline FrameHeader load_frame_header(std::span<const std::byte, kFrameHeaderBytes> bytes) {
    FrameHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    return header;
}

inline void store_frame_header(const FrameHeader& header,
                               std::span<std::byte, kFrameHeaderBytes> bytes) {
    std::memcpy(bytes.data(), &header, sizeof header);
}

constexpr std::uint32_t padded(std::uint32_t bytes) {
    return (bytes + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment;
}

}  // namespace millrace::wire
