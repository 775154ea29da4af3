// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/protocol/wire_error.h"

#include <fmt/format.h>

namespace millrace::broker {

wire::ErrorCode to_wire(const engine::Error& error) noexcept {
    using engine::Errc;
    using wire::ErrorCode;
    switch (error.code) {
        case Errc::corrupt_batch:
            return ErrorCode::corrupt_batch;
        case Errc::unsupported_batch:
            return ErrorCode::unsupported_batch;
        case Errc::batch_too_large:
            return ErrorCode::message_too_large;
        case Errc::invalid_timestamp:
            return ErrorCode::invalid_timestamp;
        case Errc::offset_out_of_range:
            return ErrorCode::offset_out_of_range;
        case Errc::log_truncated:
            return ErrorCode::log_truncated;
        case Errc::unexpected_offset:
            return ErrorCode::unexpected_offset;
        case Errc::duplicate_sequence:
            return ErrorCode::duplicate_sequence;
        case Errc::out_of_order_sequence:
            return ErrorCode::out_of_order_sequence;
        case Errc::invalid_producer_epoch:
            return ErrorCode::invalid_producer_epoch;
        case Errc::missing_key:
            return ErrorCode::invalid_record;
        case Errc::log_held:           // Whoever appends waits for its release, and for the next,
        case Errc::producers_unread:   // for them,
        case Errc::records_unchecked:  // or for this.
        case Errc::no_room:
            return ErrorCode::throttled;
        case Errc::storage_full:
            return ErrorCode::storage_full;
        case Errc::damaged_range:
            return ErrorCode::damaged_range;
        case Errc::unknown_topic_id:
            return ErrorCode::unknown_topic;
        case Errc::io_failed:
            return ErrorCode::storage_failed;
        case Errc::shutting_down:
            return ErrorCode::shutting_down;
        // Errors of a start: no request sees them.
        case Errc::damaged_wal:
        case Errc::newer_format:
        case Errc::foreign_directory:
        case Errc::locked:
            return ErrorCode::unknown_server_error;
    }
    return ErrorCode::unknown_server_error;
}

std::string unknown_topic_message(std::string_view name) {
    if (name.empty()) return "There is no topic of this id: it may have been deleted.";
    return fmt::format("There is no topic '{0}'. Create it with: millrace topic create {0}", name);
}

std::string unknown_partition_message(std::string_view topic,
                                      std::uint32_t partition,
                                      std::uint32_t partitions) {
    return fmt::format("Topic '{}' has no partition {}: its partitions are 0 to {}.",
                       topic,
                       partition,
                       partitions - 1);
}

std::string message_too_large_message(std::string_view topic,
                                      std::uint32_t batch_bytes,
                                      std::uint32_t limit) {
    return fmt::format(
            "A record batch of {} bytes is larger than max.message.bytes = {} of topic '{}'.",
            batch_bytes,
            limit,
            topic);
}

std::string invalid_timestamp_message(std::string_view topic,
                                      std::uint32_t partition,
                                      const engine::TimestampFault& fault) {
    const auto whose =
            fault.compressed
                    ? fmt::format("A record of the compressed batch of record {}", fault.record)
                    : fmt::format("Record {}", fault.record);
    const auto where = fmt::format("{} for partition {} of topic '{}' has timestamp {}",
                                   whose,
                                   partition,
                                   topic,
                                   fault.timestamp);
    if (fault.bound < 0) return where + ", below -1, which stands for none.";
    const bool ahead = fault.timestamp > fault.bound;
    return fmt::format(
            "{}, {} {}: farther {} the broker's clock than {} allows.",
            where,
            ahead ? "above" : "below",
            fault.bound,
            ahead ? "ahead of" : "behind",
            ahead ? "message.timestamp.after.max.ms" : "message.timestamp.before.max.ms");
}

std::string unexpected_offset_message(std::string_view topic,
                                      std::uint32_t partition,
                                      std::int64_t end,
                                      std::int64_t expected) {
    return fmt::format(
            "Partition {} of topic '{}' ends at offset {}, not at {} as expected: nothing was "
            "stored. Read what was added since, then append at {}.",
            partition,
            topic,
            end,
            expected,
            end);
}

std::string append_too_large_message(std::string_view topic, std::uint64_t limit) {
    return fmt::format(
            "The record batches of one partition of topic '{}' in one request are larger than {} "
            "bytes, a quarter of a file of the write-ahead log (wal.bytes): send them apart.",
            topic,
            limit);
}

std::string missing_key_message(std::string_view topic, std::int32_t record) {
    return fmt::format(
            "Record {} (from 0) has no key: topic '{}' is compacted (cleanup.policy) and keeps the "
            "last record of every key. Nothing of the batch was stored.",
            record,
            topic);
}

std::string opened_too_large_message(std::string_view topic) {
    return fmt::format(
            "A compressed record batch for topic '{}' becomes larger than a compacted topic takes: "
            "32 MiB, or four times its compressed size if that is more. Send smaller batches.",
            topic);
}

}  // namespace millrace::broker
