// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/producer_snapshot.h"

#include "engine/base/byte_order.h"
#include "engine/base/crc32c.h"

namespace millrace::engine {

namespace {

constexpr std::int16_t kVersion = 1;
constexpr std::size_t kCrcAt = 2;
constexpr std::size_t kCountAt = 6;
constexpr std::size_t kHeaderBytes = 10;

// Positions in a row.
constexpr std::size_t kEpochAt = 8;
constexpr std::size_t kLastSequenceAt = 10;
constexpr std::size_t kLastOffsetAt = 14;
constexpr std::size_t kOffsetDeltaAt = 22;
constexpr std::size_t kTimestampAt = 26;
constexpr std::size_t kCoordinatorEpochAt = 34;
constexpr std::size_t kTransactionStartAt = 38;
constexpr std::size_t kRowBytes = 46;

// A producer that only a transaction's marker names has it.
constexpr std::int32_t kNoSequence = -1;

ProducerSnapshotRow decode_row(const std::byte* from) noexcept {
    return {.producer_id = load_big<std::int64_t>(from),
            .epoch = load_big<std::int16_t>(from + kEpochAt),
            .last_sequence = load_big<std::int32_t>(from + kLastSequenceAt),
            .last_offset = Offset(load_big<std::int64_t>(from + kLastOffsetAt)),
            .offset_delta = load_big<std::int32_t>(from + kOffsetDeltaAt),
            .timestamp = load_big<std::int64_t>(from + kTimestampAt)};
}

bool is_possible(const ProducerSnapshotRow& row, Offset end) noexcept {
    return row.producer_id >= 0 && row.epoch >= 0 && row.last_sequence >= 0 &&
           row.offset_delta >= 0 && row.last_offset.value >= row.offset_delta &&
           row.last_offset < end && row.timestamp >= -1;
}

}  // namespace

std::size_t producer_snapshot_bytes(std::size_t rows) noexcept {
    return kHeaderBytes + rows * kRowBytes;
}

std::size_t producer_snapshot_bytes_max() noexcept {
    return producer_snapshot_bytes(kProducersMax * kProducerBatches);
}

void encode_producer_snapshot(std::span<const ProducerSnapshotRow> rows, std::byte* to) noexcept {
    store_big(to, kVersion);
    store_big(to + kCountAt, static_cast<std::int32_t>(rows.size()));
    auto* at = to + kHeaderBytes;
    for (const auto& row : rows) {
        store_big(at, row.producer_id);
        store_big(at + kEpochAt, row.epoch);
        store_big(at + kLastSequenceAt, row.last_sequence);
        store_big(at + kLastOffsetAt, row.last_offset.value);
        store_big(at + kOffsetDeltaAt, row.offset_delta);
        store_big(at + kTimestampAt, row.timestamp);
        store_big(at + kCoordinatorEpochAt, std::int32_t{-1});
        store_big(at + kTransactionStartAt, std::int64_t{-1});
        at += kRowBytes;
    }
    const auto bytes = producer_snapshot_bytes(rows.size());
    store_big(to + kCrcAt, crc32c(Bytes(to + kCountAt, bytes - kCountAt)));
}

std::optional<std::vector<ProducerSnapshotRow>> decode_producer_snapshot(Bytes file, Offset end) {
    if (file.size() < kHeaderBytes || file.size() > producer_snapshot_bytes_max()) {
        return std::nullopt;
    }
    if (load_big<std::int16_t>(file.data()) != kVersion) return std::nullopt;
    if (load_big<std::uint32_t>(file.data() + kCrcAt) != crc32c(file.subspan(kCountAt))) {
        return std::nullopt;
    }
    const std::size_t count = load_big<std::uint32_t>(file.data() + kCountAt);
    if (count > kProducersMax * kProducerBatches) return std::nullopt;
    if (file.size() != producer_snapshot_bytes(count)) return std::nullopt;
    std::vector<ProducerSnapshotRow> rows;
    rows.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto row = decode_row(file.data() + producer_snapshot_bytes(i));
        if (row.last_sequence == kNoSequence) continue;
        if (!is_possible(row, end)) return std::nullopt;
        rows.push_back(row);
    }
    return rows;
}

}  // namespace millrace::engine
