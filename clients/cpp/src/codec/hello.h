// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The greeting: fixed layouts, read by hand.
#pragma once

#include "millrace/result.h"
#include "millrace/types.h"
#include "net/call.h"
#include "schemas/wire/hello.h"

#include <string>
#include <string_view>
#include <vector>

namespace millrace::detail {

inline constexpr std::uint16_t kApiVersion = 1;  // Of every API this library speaks.

struct Greeting {
    Uuid cluster_id;
    std::int32_t node_id = 0;
    std::string broker_version;
    std::uint32_t request_bytes_max = 0;  // Value of frame_bytes.
    std::uint32_t requests_in_flight_max = 0;
    std::uint32_t bytes_in_flight_max = 0;
    std::vector<wire::ApiRange> apis;
};

// A whole frame. `name` and `version` are cut to what the greeting can carry.
std::vector<std::byte> encode_hello(std::string_view name, std::string_view version);

// Errors: protocol_violation, authentication_required, and what the broker answers.
Result<Greeting> decode_hello(const Response& response);

}  // namespace millrace::detail
