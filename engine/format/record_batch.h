// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Kafka's RecordBatch, magic 2: the unit of everything, on the wire, in the WAL and in segments.
// Big endian. Layout and checksum: Kafka's message format v2 (KIP-98), docs/log_format.md.
#pragma once

#include "engine/base/byte_order.h"
#include "engine/result.h"
#include "engine/types.h"

#include <cstdint>

namespace millrace::engine {

inline constexpr std::uint32_t kBatchHeaderBytes = 61;
// baseOffset and batchLength: what comes before the bytes that batchLength counts.
inline constexpr std::uint32_t kBatchPrefixBytes = 12;
inline constexpr std::int8_t kBatchMagic = 2;

// Byte positions in the header.
namespace batch_at {
inline constexpr std::uint32_t kBaseOffset = 0;
inline constexpr std::uint32_t kBatchLength = 8;
inline constexpr std::uint32_t kLeaderEpoch = 12;
inline constexpr std::uint32_t kMagic = 16;
inline constexpr std::uint32_t kCrc = 17;
inline constexpr std::uint32_t kAttributes = 21;  // The checksum covers everything from here on.
inline constexpr std::uint32_t kLastOffsetDelta = 23;
inline constexpr std::uint32_t kBaseTimestamp = 27;
inline constexpr std::uint32_t kMaxTimestamp = 35;
inline constexpr std::uint32_t kProducerId = 43;
inline constexpr std::uint32_t kProducerEpoch = 51;
inline constexpr std::uint32_t kBaseSequence = 53;
inline constexpr std::uint32_t kRecordCount = 57;
}  // namespace batch_at

static_assert(batch_at::kRecordCount + sizeof(std::int32_t) == kBatchHeaderBytes);

enum class Codec : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

inline constexpr std::uint16_t kCodecMask = 0x07;
inline constexpr std::uint16_t kLogAppendTimeBit = 1U << 3;
inline constexpr std::uint16_t kTransactionalBit = 1U << 4;
inline constexpr std::uint16_t kControlBit = 1U << 5;
inline constexpr std::uint16_t kDeleteHorizonBit = 1U << 6;

// A batch in borrowed memory whose length fields were found consistent with it, and whose offsets
// are offsets: none negative, none beyond what 64 bits hold. Says nothing about the checksum or the
// records.
class BatchView {
public:
    // The batch at the front of `bytes`, which may hold more. Errors: corrupt_batch (too short,
    // wrong length, impossible offsets), unsupported_batch (magic).
    [[nodiscard]] static Result<BatchView> parse(Bytes bytes) noexcept;

    // Requires: a batch that parse() accepted lies at `data`.
    [[nodiscard]] static BatchView trusted(const std::byte* data) noexcept {
        return BatchView(data);
    }

    // Whole batch with its header.
    [[nodiscard]] std::uint32_t size() const noexcept {
        return load_big<std::uint32_t>(data_ + batch_at::kBatchLength) + kBatchPrefixBytes;
    }

    [[nodiscard]] const std::byte* data() const noexcept { return data_; }

    [[nodiscard]] Bytes bytes() const noexcept { return {data_, size()}; }

    [[nodiscard]] Bytes records() const noexcept { return bytes().subspan(kBatchHeaderBytes); }

    [[nodiscard]] Offset base_offset() const noexcept {
        return Offset(load_big<std::int64_t>(data_ + batch_at::kBaseOffset));
    }

    [[nodiscard]] Offset last_offset() const noexcept {
        return base_offset() + last_offset_delta();
    }

    [[nodiscard]] Offset next_offset() const noexcept { return last_offset() + 1; }

    [[nodiscard]] LeaderEpoch leader_epoch() const noexcept {
        return load_big<std::int32_t>(data_ + batch_at::kLeaderEpoch);
    }

    [[nodiscard]] std::uint32_t crc() const noexcept {
        return load_big<std::uint32_t>(data_ + batch_at::kCrc);
    }

    [[nodiscard]] std::uint16_t attributes() const noexcept {
        return load_big<std::uint16_t>(data_ + batch_at::kAttributes);
    }

    // 5 to 7 name no codec.
    [[nodiscard]] Codec codec() const noexcept {
        return static_cast<Codec>(attributes() & kCodecMask);
    }

    [[nodiscard]] bool log_append_time() const noexcept {
        return (attributes() & kLogAppendTimeBit) != 0;
    }

    [[nodiscard]] bool control() const noexcept { return (attributes() & kControlBit) != 0; }

    [[nodiscard]] std::int32_t last_offset_delta() const noexcept {
        return load_big<std::int32_t>(data_ + batch_at::kLastOffsetDelta);
    }

    [[nodiscard]] TimestampMs base_timestamp() const noexcept {
        return load_big<std::int64_t>(data_ + batch_at::kBaseTimestamp);
    }

    [[nodiscard]] TimestampMs max_timestamp() const noexcept {
        return load_big<std::int64_t>(data_ + batch_at::kMaxTimestamp);
    }

    [[nodiscard]] std::int64_t producer_id() const noexcept {
        return load_big<std::int64_t>(data_ + batch_at::kProducerId);
    }

    [[nodiscard]] std::int16_t producer_epoch() const noexcept {
        return load_big<std::int16_t>(data_ + batch_at::kProducerEpoch);
    }

    [[nodiscard]] std::int32_t base_sequence() const noexcept {
        return load_big<std::int32_t>(data_ + batch_at::kBaseSequence);
    }

    [[nodiscard]] std::int32_t record_count() const noexcept {
        return load_big<std::int32_t>(data_ + batch_at::kRecordCount);
    }

    // Compaction has left nothing but its header, for what that says.
    [[nodiscard]] bool emptied() const noexcept { return record_count() == 0; }

    // Largest timestamp of its records; -1: none has one.
    [[nodiscard]] TimestampMs indexed_timestamp() const noexcept {
        return emptied() ? -1 : max_timestamp();
    }

    [[nodiscard]] bool has_delete_horizon() const noexcept {
        return (attributes() & kDeleteHorizonBit) != 0;
    }

    // Over everything from the attributes to the end.
    [[nodiscard]] std::uint32_t computed_crc() const noexcept;

    [[nodiscard]] bool crc_is_right() const noexcept { return crc() == computed_crc(); }

private:
    explicit BatchView(const std::byte* data) noexcept : data_(data) {}

    const std::byte* data_;
};

// The two fields that a broker assigns and that the checksum leaves out.
void set_batch_place(std::byte* batch, Offset base, LeaderEpoch epoch) noexcept;

// LogAppendTime: sets the bit and maxTimestamp, and the checksum anew.
void set_batch_append_time(std::byte* batch, TimestampMs now) noexcept;

// A wrong maxTimestamp corrected; the checksum anew.
void set_batch_max_timestamp(std::byte* batch, TimestampMs max_timestamp) noexcept;

}  // namespace millrace::engine
