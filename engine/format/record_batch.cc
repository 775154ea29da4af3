// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/record_batch.h"

#include "engine/base/crc32c.h"

namespace millrace::engine {

namespace {

void renew_crc(std::byte* batch) noexcept {
    store_big(batch + batch_at::kCrc, BatchView::trusted(batch).computed_crc());
}

}  // namespace

Result<BatchView> BatchView::parse(Bytes bytes) noexcept {
    if (bytes.size() < kBatchHeaderBytes) return failure(Errc::corrupt_batch);
    const auto length = load_big<std::int32_t>(bytes.data() + batch_at::kBatchLength);
    // Versions 0 and 1 of the format have their magic at the same place.
    if (load_big<std::int8_t>(bytes.data() + batch_at::kMagic) != kBatchMagic) {
        return failure(Errc::unsupported_batch);
    }
    if (length < static_cast<std::int32_t>(kBatchHeaderBytes - kBatchPrefixBytes)) {
        return failure(Errc::corrupt_batch);
    }
    if (static_cast<std::uint32_t>(length) > bytes.size() - kBatchPrefixBytes) {
        return failure(Errc::corrupt_batch);
    }
    const BatchView batch(bytes.data());
    // Offsets of its records are then computed without overflow, whatever a file or peer says.
    constexpr std::int64_t kBaseOffsetMax = INT64_MAX - INT32_MAX - 1;
    if (batch.base_offset() < Offset(0) || batch.base_offset() > Offset(kBaseOffsetMax)) {
        return failure(Errc::corrupt_batch);
    }
    if (batch.last_offset_delta() < 0) return failure(Errc::corrupt_batch);
    return batch;
}

std::uint32_t BatchView::computed_crc() const noexcept {
    return crc32c(bytes().subspan(batch_at::kAttributes));
}

void set_batch_place(std::byte* batch, Offset base, LeaderEpoch epoch) noexcept {
    store_big(batch + batch_at::kBaseOffset, base.value);
    store_big(batch + batch_at::kLeaderEpoch, epoch);
}

void set_batch_append_time(std::byte* batch, TimestampMs now) noexcept {
    const auto attributes = load_big<std::uint16_t>(batch + batch_at::kAttributes);
    store_big(batch + batch_at::kAttributes,
              static_cast<std::uint16_t>(attributes | kLogAppendTimeBit));
    set_batch_max_timestamp(batch, now);
}

void set_batch_max_timestamp(std::byte* batch, TimestampMs max_timestamp) noexcept {
    store_big(batch + batch_at::kMaxTimestamp, max_timestamp);
    renew_crc(batch);
}

}  // namespace millrace::engine
