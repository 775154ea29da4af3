// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One request on its way and the answer to it.
#pragma once

#include "engine/clock.h"
#include "engine/types.h"
#include "millrace/result.h"
#include "schemas/wire/api.h"
#include "schemas/wire/frame.h"

#include <memory>
#include <vector>

namespace millrace::detail {

// A frame from the broker. Its bytes lie in `memory`, which views may share for as long as they
// like. The frame's lengths were checked, nothing else.
struct Response {
    wire::FrameHeader header;
    engine::Bytes table;  // 8-aligned.
    engine::Bytes payload;
    std::shared_ptr<const void> memory;  // Shared with other frames of the same read.
};

// Frame header and table of a request, ready but for the correlation id.
struct EncodedRequest {
    wire::Api api = wire::Api::hello;
    std::vector<std::byte> head;
    std::uint32_t payload_bytes = 0;  // That must follow, without the padding.
};

// A request in flight. Owned by the caller, kept still until `done` has run.
struct Call {
    EncodedRequest request;
    std::vector<engine::Bytes> payload;  // Borrowed until `done`; payload_bytes in all.
    bool one_way = false;                // `done` runs when the request is written.
    engine::MonotonicTime deadline{0};   // Of the answer.
    // Exactly once, on the loop's thread, when neither the socket nor the broker needs the
    // request any more. Errors: disconnected, timed_out, closed, protocol_violation,
    // unsupported_api, unsupported_version.
    void (*done)(Call& call, Result<Response> outcome) noexcept = nullptr;

    [[nodiscard]] std::uint32_t frame_bytes() const noexcept {
        return static_cast<std::uint32_t>(request.head.size()) +
               wire::padded(request.payload_bytes);
    }
};

}  // namespace millrace::detail
