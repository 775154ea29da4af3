// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// produce and fetch: what carries records.
#pragma once

#include "codec/messages.h"
#include "millrace/result.h"
#include "net/call.h"

#include <chrono>
#include <cstdint>
#include <span>

namespace millrace::detail {

// The rows' batches follow as the call's payload, in the same order.
EncodedRequest encode_produce(Acks acks,
                              Durability durability,
                              std::chrono::milliseconds timeout,
                              std::span<const ProduceRow> rows);

// One row for each of the request's, in its order. Errors: protocol_violation, the broker's.
Result<std::vector<ProducedRow>> decode_produce(const Response& response,
                                                std::span<const ProduceRow> rows);

// All rows or none. Their batches follow as the call's payload.
EncodedRequest encode_append_atomic(std::chrono::milliseconds timeout,
                                    std::span<const ProduceRow> rows);

// The same, where no row has an error. Errors: protocol_violation, the broker's.
Result<std::vector<ProducedRow>> decode_append_atomic(const Response& response,
                                                      std::span<const ProduceRow> rows);

EncodedRequest encode_fetch(const FetchQuery& query);

// The payload ranges were checked to lie in the response's payload, without a gap.
// Errors: protocol_violation, the broker's.
Result<Fetched> decode_fetch(const Response& response);

}  // namespace millrace::detail
