// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/result.h"

namespace millrace::engine {

std::string_view name_of(Errc code) noexcept {
    switch (code) {
        case Errc::corrupt_batch:
            return "corrupt_batch";
        case Errc::unsupported_batch:
            return "unsupported_batch";
        case Errc::batch_too_large:
            return "batch_too_large";
        case Errc::invalid_timestamp:
            return "invalid_timestamp";
        case Errc::offset_out_of_range:
            return "offset_out_of_range";
        case Errc::log_truncated:
            return "log_truncated";
        case Errc::unexpected_offset:
            return "unexpected_offset";
        case Errc::duplicate_sequence:
            return "duplicate_sequence";
        case Errc::out_of_order_sequence:
            return "out_of_order_sequence";
        case Errc::invalid_producer_epoch:
            return "invalid_producer_epoch";
        case Errc::missing_key:
            return "missing_key";
        case Errc::no_room:
            return "no_room";
        case Errc::storage_full:
            return "storage_full";
        case Errc::log_held:
            return "log_held";
        case Errc::producers_unread:
            return "producers_unread";
        case Errc::records_unchecked:
            return "records_unchecked";
        case Errc::damaged_range:
            return "damaged_range";
        case Errc::damaged_wal:
            return "damaged_wal";
        case Errc::unknown_topic_id:
            return "unknown_topic_id";
        case Errc::newer_format:
            return "newer_format";
        case Errc::foreign_directory:
            return "foreign_directory";
        case Errc::locked:
            return "locked";
        case Errc::io_failed:
            return "io_failed";
        case Errc::shutting_down:
            return "shutting_down";
    }
    return "unknown";
}

}  // namespace millrace::engine
