// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/batch_builder.h"

#include "engine/assert.h"
#include "engine/base/varint.h"
#include "engine/format/compression.h"

#include <algorithm>
#include <cstring>

namespace millrace::engine {

namespace {

std::size_t sized_bytes(const std::optional<Bytes>& bytes) {
    if (!bytes) return 1;  // -1 is one byte.
    return varint_bytes(static_cast<std::int64_t>(bytes->size())) + bytes->size();
}

std::byte* store_sized(std::byte* to, const std::optional<Bytes>& bytes) {
    if (!bytes) return store_varint(to, -1);
    to = store_varint(to, static_cast<std::int64_t>(bytes->size()));
    if (!bytes->empty()) std::memcpy(to, bytes->data(), bytes->size());
    return to + bytes->size();
}

// Wraps around where the distance does not fit: a reader refuses such a record.
TimestampMs distance(TimestampMs from, TimestampMs to) {
    return static_cast<TimestampMs>(static_cast<std::uint64_t>(to) -
                                    static_cast<std::uint64_t>(from));
}

// Of the record behind its own length.
std::size_t body_bytes(const RecordParts& record, TimestampMs delta, std::int32_t offset_delta) {
    std::size_t bytes = 1 + varint_bytes(delta) + varint_bytes(offset_delta) +
                        sized_bytes(record.key) + sized_bytes(record.value) +
                        varint_bytes(static_cast<std::int64_t>(record.headers.size()));
    for (const auto& header : record.headers) {
        bytes += sized_bytes(header.key) + sized_bytes(header.value);
    }
    return bytes;
}

void store_header(std::byte* to,
                  std::size_t size,
                  Codec codec,
                  std::int32_t count,
                  TimestampMs base_timestamp,
                  TimestampMs max_timestamp,
                  const ProducerStamp& producer) {
    std::memset(to, 0, kBatchHeaderBytes);
    store_big(to + batch_at::kBatchLength, static_cast<std::int32_t>(size - kBatchPrefixBytes));
    store_big(to + batch_at::kLeaderEpoch, std::int32_t{-1});
    store_big(to + batch_at::kMagic, kBatchMagic);
    store_big(to + batch_at::kAttributes, static_cast<std::uint16_t>(codec));
    store_big(to + batch_at::kLastOffsetDelta, count - 1);
    store_big(to + batch_at::kBaseTimestamp, base_timestamp);
    store_big(to + batch_at::kMaxTimestamp, max_timestamp);
    store_big(to + batch_at::kProducerId, producer.id);
    store_big(to + batch_at::kProducerEpoch, producer.epoch);
    store_big(to + batch_at::kBaseSequence, producer.base_sequence);
    store_big(to + batch_at::kRecordCount, count);
    store_big(to + batch_at::kCrc, BatchView::trusted(to).computed_crc());
}

}  // namespace

std::size_t BatchBuilder::size_with(const RecordParts& record) const noexcept {
    const auto delta = count_ == 0 ? 0 : distance(base_timestamp_, record.timestamp);
    const auto body = body_bytes(record, delta, count_);
    const auto before = bytes_.empty() ? kBatchHeaderBytes : bytes_.size();
    return before + varint_bytes(static_cast<std::int64_t>(body)) + body;
}

void BatchBuilder::append(const RecordParts& record) {
    if (count_ == 0) {
        base_timestamp_ = record.timestamp;
        max_timestamp_ = record.timestamp;
    }
    const auto delta = distance(base_timestamp_, record.timestamp);
    const auto body = body_bytes(record, delta, count_);
    const auto before = bytes_.empty() ? kBatchHeaderBytes : bytes_.size();
    bytes_.resize(before + varint_bytes(static_cast<std::int64_t>(body)) + body);
    auto* to = store_varint(bytes_.data() + before, static_cast<std::int64_t>(body));
    *to++ = std::byte{0};  // Attributes: unused.
    to = store_varint(to, delta);
    to = store_varint(to, count_);
    to = store_sized(to, record.key);
    to = store_sized(to, record.value);
    to = store_varint(to, static_cast<std::int64_t>(record.headers.size()));
    for (const auto& header : record.headers) {
        to = store_sized(to, header.key);
        to = store_sized(to, header.value);
    }
    ASSERT(to == bytes_.data() + bytes_.size());
    max_timestamp_ = std::max(max_timestamp_, record.timestamp);
    ++count_;
}

Result<Bytes> BatchBuilder::finish(Codec codec, const ProducerStamp& producer) {
    ASSERT(count_ > 0);
    ASSERT(bytes_.size() <= INT32_MAX);
    if (codec == Codec::none) {
        store_header(bytes_.data(),
                     bytes_.size(),
                     codec,
                     count_,
                     base_timestamp_,
                     max_timestamp_,
                     producer);
        return Bytes(bytes_);
    }
    compressed_.assign(kBatchHeaderBytes, std::byte{0});
    TRY_VOID(compress(codec, Bytes(bytes_).subspan(kBatchHeaderBytes), compressed_));
    store_header(compressed_.data(),
                 compressed_.size(),
                 codec,
                 count_,
                 base_timestamp_,
                 max_timestamp_,
                 producer);
    return Bytes(compressed_);
}

void BatchBuilder::clear() noexcept {
    bytes_.clear();
    compressed_.clear();
    count_ = 0;
}

}  // namespace millrace::engine
