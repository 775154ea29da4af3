// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Bytes to frame: a pure function over what has arrived. Every byte may be hostile.
#pragma once

#include "engine/types.h"
#include "schemas/wire/frame.h"

#include <cstdint>
#include <string_view>

namespace millrace::broker {

enum class DecodeStatus : std::uint8_t {
    incomplete,  // Good so far; needed_bytes says how many make it whole, as far as is known.
    whole,       // header, table and payload are set.
    malformed,   // The connection cannot be trusted any more: reason says why.
};

struct DecodedFrame {
    DecodeStatus status = DecodeStatus::incomplete;
    wire::FrameHeader header;
    engine::Bytes table;
    engine::Bytes payload;
    // Bytes from the frame's first one that the next step needs: the header's, then the frame's.
    std::uint32_t needed_bytes = wire::kFrameHeaderBytes;
    std::string_view reason;  // Static text.
};

// Looks at the frame that begins at `arrived`'s first byte and allocates nothing. Lengths are
// checked as soon as their bytes are there, against `frame_bytes_max` (of the field frame_bytes).
[[nodiscard]] DecodedFrame decode_frame(engine::Bytes arrived,
                                        std::uint32_t frame_bytes_max) noexcept;

// What the first bytes of a malformed stream look like: "this looks like TLS; ...". Empty when
// they look like nothing known.
[[nodiscard]] std::string_view protocol_hint(engine::Bytes arrived) noexcept;

}  // namespace millrace::broker
