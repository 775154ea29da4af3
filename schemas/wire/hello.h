// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The messages before authentication: fixed layouts in the frame's payload (table_bytes is 0),
// little endian, parsed by hand.
#pragma once

#include <array>
#include <cstdint>

namespace millrace::wire {

// Request of Api::hello, version 1. Followed by `name_bytes` of the client's name, then
// `version_bytes` of its version (UTF-8, for the log), then zeros to the frame's end.
struct HelloRequest {
    std::uint16_t name_bytes = 0;     // At most 128.
    std::uint16_t version_bytes = 0;  // At most 128.
    std::uint32_t reserved = 0;
};

static_assert(sizeof(HelloRequest) == 8);

// Response. Followed by `api_count` ApiRange, then `version_bytes` of the broker's version, then
// `message_bytes` of text when error is not 0, then zeros to the frame's end.
struct HelloResponse {
    std::uint16_t error = 0;  // ErrorCode
    std::uint16_t message_bytes = 0;
    std::uint16_t api_count = 0;
    std::uint16_t version_bytes = 0;
    std::array<std::uint8_t, 16> cluster_id{};
    std::int32_t node_id = 0;
    std::uint32_t request_bytes_max = 0;  // Largest frame_bytes the broker takes.
    std::uint32_t requests_in_flight_max = 0;
    std::uint32_t bytes_in_flight_max = 0;
    std::uint32_t features = 0;        // Bits; none yet.
    std::uint32_t authentication = 0;  // 1: authenticate comes next. 0: everything is open.
};

static_assert(sizeof(HelloResponse) == 48);

struct ApiRange {
    std::uint16_t api = 0;
    std::uint16_t version_min = 0;
    std::uint16_t version_max = 0;
    std::uint16_t reserved = 0;
};

static_assert(sizeof(ApiRange) == 8);

}  // namespace millrace::wire
