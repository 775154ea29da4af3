// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The one table of errors on the wire: number, name, whether the same request may succeed later,
// Kafka's code for it, and a sentence. Numbers are those of error.fbs (a test compares them) and
// never change their meaning.
#pragma once

#include <cstdint>
#include <string_view>

// X(number, name, retryable, kafka_code, sentence)
#define MILLRACE_WIRE_ERRORS(X)                                                                    \
    X(0, none, false, 0, "No error.")                                                              \
    X(1,                                                                                           \
      unknown_server_error,                                                                        \
      false,                                                                                       \
      -1,                                                                                          \
      "The broker met an error it has no name for; its log says more.")                            \
    X(2,                                                                                           \
      malformed_request,                                                                           \
      false,                                                                                       \
      42,                                                                                          \
      "The request cannot be read: a length, range or field is wrong.")                            \
    X(3, unsupported_api, false, 35, "The broker does not know this API.")                         \
    X(4, unsupported_version, false, 35, "The broker does not speak this version of the API.")     \
    X(5, authentication_required, false, 58, "This call needs an authenticated connection.")       \
    X(6, request_too_large, false, 42, "The request is larger than the broker takes.")             \
    X(7, throttled, true, 89, "The broker has no room for this request at the moment.")            \
    X(8, timed_out, true, 7, "The request ran into its deadline; it may yet take effect.")         \
    X(9, shutting_down, true, 8, "The broker is stopping.")                                        \
    X(20, unknown_topic, false, 3, "There is no such topic.")                                      \
    X(21, unknown_partition, true, 3, "The topic has no such partition.")                          \
    X(22, topic_exists, false, 36, "A topic of this name exists.")                                 \
    X(23, invalid_topic_name, false, 17, "The name is not one a topic can have.")                  \
    X(24, invalid_partition_count, false, 37, "The number of partitions is not possible.")         \
    X(25, invalid_config, false, 40, "A setting is unknown or its value is not possible.")         \
    X(26, not_leader, true, 6, "This broker does not lead the partition.")                         \
    X(27, fenced_leader_epoch, true, 74, "The request carries an older leader epoch.")             \
    X(28,                                                                                          \
      unknown_leader_epoch,                                                                        \
      true,                                                                                        \
      75,                                                                                          \
      "The request carries a leader epoch the broker has not seen.")                               \
    X(29,                                                                                          \
      topic_deleted,                                                                               \
      true,                                                                                        \
      100,                                                                                         \
      "The topic was deleted; one of the same name is another topic.")                             \
    X(40, corrupt_batch, false, 2, "A record batch fails its checksum or its structure is wrong.") \
    X(41,                                                                                          \
      unsupported_batch,                                                                           \
      false,                                                                                       \
      87,                                                                                          \
      "The record batch uses something this broker does not support.")                             \
    X(42,                                                                                          \
      message_too_large,                                                                           \
      false,                                                                                       \
      10,                                                                                          \
      "A record batch is larger than max.message.bytes of the topic.")                             \
    X(43,                                                                                          \
      invalid_timestamp,                                                                           \
      false,                                                                                       \
      32,                                                                                          \
      "A timestamp lies too far in the future or the past, or below -1, or claims to be the "      \
      "broker's own.")                                                                             \
    X(44,                                                                                          \
      storage_full,                                                                                \
      true,                                                                                        \
      56,                                                                                          \
      "The broker's disk is full: appends are refused until there is space.")                      \
    X(45, storage_failed, true, 56, "The broker's disk failed: it appends nothing any more.")      \
    X(46, invalid_acks, false, 21, "acks must be 0, 1 or all.")                                    \
    X(47, duplicate_sequence, false, 46, "The producer has sent this batch before.")               \
    X(48, out_of_order_sequence, false, 45, "A batch of the producer is missing before this one.") \
    X(49,                                                                                          \
      invalid_producer_epoch,                                                                      \
      false,                                                                                       \
      47,                                                                                          \
      "A newer epoch of the producer is known: another one has taken its place.")                  \
    X(50,                                                                                          \
      unexpected_offset,                                                                           \
      false,                                                                                       \
      42,                                                                                          \
      "The partition does not end at the offset that a conditional append expects.")               \
    X(51, invalid_record, false, 87, "A record without a key, for a topic that is compacted.")     \
    X(60, offset_out_of_range, false, 1, "The offset lies outside the partition's log.")           \
    X(61,                                                                                          \
      log_truncated,                                                                               \
      false,                                                                                       \
      1,                                                                                           \
      "The log was cut: the reader's offset belongs to a past that is gone.")                      \
    X(62,                                                                                          \
      damaged_range,                                                                               \
      false,                                                                                       \
      2,                                                                                           \
      "The stored records at this offset fail their checksum and are not served.")                 \
    X(63, unknown_fetch_session, true, 70, "The broker does not know this fetch session.")         \
    X(64, invalid_fetch_session_epoch, true, 71, "The fetch session's epoch is not the next one.")

namespace millrace::wire {

enum class ErrorCode : std::uint16_t {
#define MILLRACE_X(number, name, retryable, kafka_code, sentence) name = number,
    MILLRACE_WIRE_ERRORS(MILLRACE_X)
#undef MILLRACE_X
};

struct ErrorRow {
    ErrorCode code;
    std::string_view name;
    bool retryable;
    std::int16_t kafka_code;
    std::string_view sentence;
};

inline constexpr ErrorRow kErrorRows[] = {
#define MILLRACE_X(number, name, retryable, kafka_code, sentence) \
    {ErrorCode::name, #name, retryable, kafka_code, sentence},
        MILLRACE_WIRE_ERRORS(MILLRACE_X)
#undef MILLRACE_X
};

// A code this version does not know reads as unknown_server_error.
constexpr const ErrorRow& row_of(ErrorCode code) {
    for (const auto& row : kErrorRows) {
        if (row.code == code) return row;
    }
    return kErrorRows[1];
}

}  // namespace millrace::wire
