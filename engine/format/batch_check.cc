// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/batch_check.h"

#include "engine/format/record.h"

#include <algorithm>
#include <limits>

namespace millrace::engine {

namespace {

constexpr TimestampMs kNoTimestamp = -1;  // The smallest there is.

Result<void> check_header(const BatchView& batch) noexcept {
    if (batch.base_offset() != Offset(0)) return failure(Errc::corrupt_batch);
    if (!batch.crc_is_right()) return failure(Errc::corrupt_batch);
    const auto count = batch.record_count();
    if (count < 1 || batch.last_offset_delta() != count - 1) return failure(Errc::corrupt_batch);
    constexpr std::uint16_t kNotFromClients = kTransactionalBit | kControlBit | kDeleteHorizonBit;
    if ((batch.attributes() & kNotFromClients) != 0) return failure(Errc::unsupported_batch);
    if ((batch.attributes() & kCodecMask) > static_cast<std::uint16_t>(Codec::zstd)) {
        return failure(Errc::unsupported_batch);
    }
    const bool numbered = batch.producer_epoch() >= 0 && batch.base_sequence() >= 0;
    if (batch.producer_id() >= 0 && !numbered) return failure(Errc::corrupt_batch);
    if (batch.log_append_time()) return failure(Errc::invalid_timestamp);
    return {};
}

struct TimestampRange {
    TimestampMs smallest = kNoTimestamp;  // But for records that have none.
    TimestampMs largest = kNoTimestamp;
};

// Timestamps of the records, all of which are walked.
Result<TimestampRange> walk_records(const BatchView& batch) noexcept {
    Bytes rest = batch.records();
    TimestampRange range;
    const auto base = batch.base_timestamp();
    for (std::int32_t expected = 0; expected < batch.record_count(); ++expected) {
        TRY(const auto record, take_record(rest));
        if (record.offset_delta != expected) return failure(Errc::corrupt_batch);
        TimestampMs timestamp = 0;
        if (__builtin_add_overflow(base, record.timestamp_delta, &timestamp)) {
            return failure(Errc::corrupt_batch);
        }
        if (timestamp < kNoTimestamp) return failure(Errc::invalid_timestamp);
        range.largest = std::max(range.largest, timestamp);
        if (timestamp == kNoTimestamp) continue;
        const bool first = range.smallest == kNoTimestamp;
        range.smallest = first ? timestamp : std::min(range.smallest, timestamp);
    }
    if (!rest.empty()) return failure(Errc::corrupt_batch);
    return range;
}

}  // namespace

Result<BatchCheck> check_batch(Bytes bytes) noexcept {
    TRY(const auto batch, BatchView::parse(bytes));
    TRY_VOID(check_header(batch));
    BatchCheck check{.size = batch.size(),
                     .record_count = batch.record_count(),
                     .max_timestamp = batch.max_timestamp()};
    if (batch.codec() != Codec::none) {
        check.min_timestamp = batch.base_timestamp();
        if (std::min(check.min_timestamp, check.max_timestamp) < kNoTimestamp) {
            return failure(Errc::invalid_timestamp);
        }
        return check;
    }
    TRY(const auto range, walk_records(batch));
    check.min_timestamp = range.smallest;
    check.max_timestamp = range.largest;
    check.max_timestamp_is_wrong = check.max_timestamp != batch.max_timestamp();
    return check;
}

}  // namespace millrace::engine
