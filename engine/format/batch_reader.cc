// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/batch_reader.h"

#include "engine/format/compression.h"

namespace millrace::engine {

Result<void> BatchReader::open(const BatchView& batch, std::size_t bytes_max) {
    rest_ = batch.records();
    left_ = batch.record_count();
    base_offset_ = batch.base_offset();
    last_offset_delta_ = batch.last_offset_delta();
    previous_delta_ = -1;
    base_timestamp_ = batch.base_timestamp();
    append_time_ = batch.max_timestamp();
    log_append_time_ = batch.log_append_time();
    if (left_ < 0) return failure(Errc::corrupt_batch);
    if (batch.codec() == Codec::none) return {};
    decompressed_.clear();
    TRY_VOID(decompress(batch.codec(), rest_, bytes_max, decompressed_));
    rest_ = Bytes(decompressed_);
    return {};
}

Result<std::optional<BatchReader::Item>> BatchReader::next() {
    if (left_ == 0) {
        if (!rest_.empty()) return failure(Errc::corrupt_batch);
        return std::optional<Item>();
    }
    --left_;
    TRY(const auto record, take_record(rest_));
    // After compaction there may be holes, but never a step back nor one beyond the batch.
    if (record.offset_delta <= previous_delta_ || record.offset_delta > last_offset_delta_) {
        return failure(Errc::corrupt_batch);
    }
    previous_delta_ = record.offset_delta;
    TimestampMs timestamp = append_time_;
    if (!log_append_time_ &&
        __builtin_add_overflow(base_timestamp_, record.timestamp_delta, &timestamp)) {
        return failure(Errc::corrupt_batch);
    }
    return std::optional<Item>(Item{.offset = base_offset_ + record.offset_delta,
                                    .timestamp = timestamp,
                                    .record = record});
}

}  // namespace millrace::engine
