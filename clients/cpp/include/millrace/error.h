// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What can go wrong, by name. Numbers below 1000 are the broker's (docs/wire_format.md), the rest
// are made by this library.
#pragma once

#include "millrace/export.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

enum class ErrorCode : std::uint16_t {
    none = 0,
    unknown_server_error = 1,
    malformed_request = 2,
    unsupported_api = 3,
    unsupported_version = 4,
    authentication_required = 5,
    request_too_large = 6,
    throttled = 7,
    timed_out = 8,
    shutting_down = 9,
    unknown_topic = 20,
    unknown_partition = 21,
    topic_exists = 22,
    invalid_topic_name = 23,
    invalid_partition_count = 24,
    invalid_config = 25,
    not_leader = 26,
    fenced_leader_epoch = 27,
    unknown_leader_epoch = 28,
    topic_deleted = 29,
    corrupt_batch = 40,
    unsupported_batch = 41,
    message_too_large = 42,
    invalid_timestamp = 43,
    storage_full = 44,
    storage_failed = 45,
    invalid_acks = 46,
    duplicate_sequence = 47,
    out_of_order_sequence = 48,
    invalid_producer_epoch = 49,
    unexpected_offset = 50,
    invalid_record = 51,
    offset_out_of_range = 60,
    log_truncated = 61,
    damaged_range = 62,
    unknown_fetch_session = 63,
    invalid_fetch_session_epoch = 64,

    unreachable = 1000,  // No address accepts connections, or a name does not resolve.
    disconnected,        // The connection ended before the answer came.
    protocol_violation,  // The peer's bytes break the protocol; the connection was closed.
    invalid_address,     // Not HOST:PORT or unix:PATH.
    invalid_argument,    // An option or argument is not possible; the message says which.
    buffer_full,         // The producer's memory is full (OnFull::fail, or no room in time).
    closed,              // The object was closed.
    not_assigned,        // The partition is not one the consumer reads.
};

// The enumerator's spelling: stable, for programs. A number of a later broker reads as
// "unknown_server_error".
[[nodiscard]] MILLRACE_API std::string_view name_of(ErrorCode code) noexcept;

// A sentence for people.
[[nodiscard]] MILLRACE_API std::string_view sentence_of(ErrorCode code) noexcept;

// True when the same call may succeed later without anything being changed.
[[nodiscard]] MILLRACE_API bool is_retryable(ErrorCode code) noexcept;

struct Error {
    ErrorCode code = ErrorCode::none;
    std::string message;  // A sentence that names topic, partition, address or key.

    [[nodiscard]] std::string_view name() const noexcept { return name_of(code); }

    [[nodiscard]] bool retryable() const noexcept { return is_retryable(code); }
};

}  // namespace millrace
