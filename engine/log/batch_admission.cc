// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/batch_admission.h"

#include "engine/format/batch_check.h"
#include "engine/log/segment_roller.h"
#include "engine/log/timestamp_bounds.h"

#include <algorithm>

namespace millrace::engine {

namespace {

Result<BatchCheck> check_one(Bytes batches, const LogConfig& config, TimestampMs now) noexcept {
    TRY(const auto check, check_batch(batches));
    if (!within_bounds(check, config, now)) return failure(Errc::invalid_timestamp);
    return check;
}

}  // namespace

Result<void> check_sizes(Bytes batches, const LogConfig& config) noexcept {
    if (batches.empty()) return failure(Errc::corrupt_batch);
    const auto bytes_max =
            std::min<std::uint64_t>(config.message_bytes_max, segment_bytes_max(config));
    const auto bytes = batches.size();
    while (!batches.empty()) {
        TRY(const auto batch, BatchView::parse(batches));
        if (batch.size() > bytes_max) return failure(Errc::batch_too_large);
        const bool alone = batch.size() == bytes;
        if (batch.producer_id() >= 0 && !alone) return failure(Errc::unsupported_batch);
        batches = batches.subspan(batch.size());
    }
    return {};
}

bool has_producer(Bytes batches) noexcept {
    return BatchView::trusted(batches.data()).producer_id() >= 0;
}

Result<std::int64_t> check_contents(Bytes batches,
                                    const LogConfig& config,
                                    TimestampMs now) noexcept {
    std::int64_t records = 0;
    while (!batches.empty()) {
        TRY(const auto check, check_one(batches, config, now));
        records += check.record_count;
        batches = batches.subspan(check.size);
    }
    return records;
}

Result<void> admit_batches(MutableBytes batches,
                           const LogConfig& config,
                           Admission& admission) noexcept {
    admission.end = admission.base;
    if (config.log_append_time) {
        admission.append_time = std::max(admission.now, admission.append_time_min);
    }
    while (!batches.empty()) {
        TRY(const auto check, check_one(batches, config, admission.now));
        auto* batch = batches.data();
        auto largest = check.max_timestamp;
        set_batch_place(batch, admission.end, admission.epoch);
        if (config.log_append_time) {
            largest = admission.append_time;
            set_batch_append_time(batch, largest);
        } else if (check.max_timestamp_is_wrong) {
            set_batch_max_timestamp(batch, largest);
        }
        ++admission.batches;
        admission.end += check.record_count;
        admission.largest_timestamp = std::max(admission.largest_timestamp, largest);
        batches = batches.subspan(check.size);
    }
    return {};
}

}  // namespace millrace::engine
