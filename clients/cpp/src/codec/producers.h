// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// init_producer.
#pragma once

#include "millrace/result.h"
#include "net/call.h"

#include <chrono>
#include <cstdint>

namespace millrace::detail {

EncodedRequest encode_init_producer(std::chrono::milliseconds timeout);

// The producer's id; its epochs are its own to count, from 0. Errors: protocol_violation, the
// broker's.
Result<std::int64_t> decode_init_producer(const Response& response);

}  // namespace millrace::detail
