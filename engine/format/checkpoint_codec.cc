// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/checkpoint_codec.h"

#include "engine/base/byte_order.h"
#include "engine/base/crc32c.h"
#include "engine/units.h"

#include <algorithm>
#include <concepts>
#include <cstring>

namespace millrace::engine {

namespace {

constexpr std::uint32_t kMagic = 0x504b434d;  // "MCKP" in the file.
constexpr std::uint16_t kCleanFlag = 1;

// Of a segment's row.
constexpr unsigned kSealedBit = 1U << 0U;
constexpr unsigned kHolesBit = 1U << 1U;
constexpr unsigned kCleanBit = 1U << 2U;
constexpr unsigned kSwappingBit = 1U << 3U;

// Header: magic u32, version u16, flags u16, CRC u32, leader epoch minimum i32, length u64; then
// the body.
namespace at {
constexpr std::size_t kMagic = 0;
constexpr std::size_t kVersion = 4;
constexpr std::size_t kFlags = 6;
constexpr std::size_t kCrc = 8;
constexpr std::size_t kLeaderEpochMin = 12;
constexpr std::size_t kLength = 16;
}  // namespace at

constexpr std::size_t kHeaderBytes = 24;
constexpr std::size_t kWalRowBytes = 48;
constexpr std::size_t kPartitionRowBytes = 52;  // Without its segments and epochs.
constexpr std::size_t kSegmentRowBytes = 41;
constexpr std::size_t kEpochRowBytes = 12;

// Over everything but itself.
std::uint32_t checkpoint_crc(Bytes bytes) noexcept {
    return crc32c(bytes.subspan(at::kLeaderEpochMin), crc32c(bytes.first(at::kCrc)));
}

class Writer {
public:
    explicit Writer(std::vector<std::byte>& to) : to_(to) {}

    template <std::integral T>
    void put(T value) {
        const std::size_t end = to_.size();
        to_.resize(end + sizeof value);
        store_little(to_.data() + end, value);
    }

    void put(Offset offset) { put(offset.value); }

    void put(const PartitionKey& key) {
        const auto* bytes = reinterpret_cast<const std::byte*>(key.topic.bytes.data());
        to_.insert(to_.end(), bytes, bytes + key.topic.bytes.size());
        put(key.partition);
    }

    void put_count(std::size_t count) { put(static_cast<std::uint32_t>(count)); }

private:
    std::vector<std::byte>& to_;
};

// Reads past the end give zero and are remembered.
class Reader {
public:
    explicit Reader(Bytes from) : from_(from) {}

    template <std::integral T>
    T take() {
        if (from_.size() < sizeof(T)) {
            failed_ = true;
            from_ = {};
            return T{};
        }
        const T value = load_little<T>(from_.data());
        from_ = from_.subspan(sizeof(T));
        return value;
    }

    Offset take_offset() { return Offset(take<std::int64_t>()); }

    PartitionKey take_key() {
        PartitionKey key;
        for (auto& byte : key.topic.bytes)
            byte = take<std::uint8_t>();
        key.partition = take<std::uint32_t>();
        return key;
    }

    // A count of rows of at least `row_bytes` each; 0 and failed when they cannot be there.
    std::size_t take_count(std::size_t row_bytes) {
        const std::size_t count = take<std::uint32_t>();
        if (count <= from_.size() / row_bytes) return count;
        failed_ = true;
        return 0;
    }

    [[nodiscard]] bool failed() const { return failed_; }

    [[nodiscard]] bool at_end() const { return from_.empty(); }

private:
    Bytes from_;
    bool failed_ = false;
};

void put_wal(Writer& writer, const WalPosition& wal) {
    writer.put(wal.directory);
    writer.put(wal.slot);
    writer.put(wal.file_number);
    writer.put(wal.block);
    writer.put(wal.chain);
    writer.put(wal.sequence);
    writer.put(wal.run_bits);
    writer.put(wal.run_number);
    writer.put(std::uint32_t{0});
}

WalPosition take_wal(Reader& reader) {
    WalPosition wal;
    wal.directory = reader.take<std::uint32_t>();
    wal.slot = reader.take<std::uint32_t>();
    wal.file_number = reader.take<std::uint64_t>();
    wal.block = reader.take<std::uint32_t>();
    wal.chain = reader.take<std::uint32_t>();
    wal.sequence = reader.take<std::uint64_t>();
    wal.run_bits = reader.take<std::uint64_t>();
    wal.run_number = reader.take<std::uint32_t>();
    reader.take<std::uint32_t>();
    return wal;
}

void put_segment(Writer& writer, const SegmentRow& segment) {
    writer.put(segment.base);
    writer.put(segment.bytes);
    writer.put(segment.first_timestamp);
    writer.put(segment.largest_timestamp);
    writer.put(segment.largest_timestamp_offset);
    writer.put(static_cast<std::uint8_t>(
            (segment.sealed ? kSealedBit : 0U) | (segment.has_holes ? kHolesBit : 0U) |
            (segment.clean ? kCleanBit : 0U) | (segment.swapping ? kSwappingBit : 0U)));
}

SegmentRow take_segment(Reader& reader) {
    SegmentRow segment;
    segment.base = reader.take_offset();
    segment.bytes = reader.take<std::uint64_t>();
    segment.first_timestamp = reader.take<std::int64_t>();
    segment.largest_timestamp = reader.take<std::int64_t>();
    segment.largest_timestamp_offset = reader.take_offset();
    const auto bits = reader.take<std::uint8_t>();
    segment.sealed = (bits & kSealedBit) != 0;
    segment.has_holes = (bits & kHolesBit) != 0;
    segment.clean = (bits & kCleanBit) != 0;
    segment.swapping = (bits & kSwappingBit) != 0;
    return segment;
}

void put_partition(Writer& writer, const PartitionRow& row) {
    writer.put(row.key);
    writer.put(row.log_start);
    writer.put(row.flushed_offset);
    writer.put(row.producer_snapshot);
    writer.put_count(row.segments.size());
    writer.put_count(row.epochs.size());
    for (const auto& segment : row.segments)
        put_segment(writer, segment);
    for (const auto& epoch : row.epochs) {
        writer.put(epoch.epoch);
        writer.put(epoch.start);
    }
}

PartitionRow take_partition(Reader& reader) {
    PartitionRow row;
    row.key = reader.take_key();
    row.log_start = reader.take_offset();
    row.flushed_offset = reader.take_offset();
    row.producer_snapshot = reader.take_offset();
    const std::size_t segments = reader.take_count(kSegmentRowBytes);
    const std::size_t epochs = reader.take_count(kEpochRowBytes);
    // Exact capacity: these rows stay in memory for as long as their partition is not opened. The
    // two counts were checked one by one, so what is promised here is still bounded by the input.
    row.segments.reserve(segments);
    for (std::size_t i = 0; i < segments && !reader.failed(); ++i) {
        row.segments.push_back(take_segment(reader));
    }
    row.epochs.reserve(epochs);
    for (std::size_t i = 0; i < epochs && !reader.failed(); ++i) {
        EpochRow epoch;
        epoch.epoch = reader.take<std::int32_t>();
        epoch.start = reader.take_offset();
        row.epochs.push_back(epoch);
    }
    return row;
}

Result<Checkpoint> decode_body(Bytes body) {
    Reader reader(body);
    Checkpoint checkpoint;
    checkpoint.number = reader.take<std::uint64_t>();
    checkpoint.guarded_clock = reader.take<std::int64_t>();
    checkpoint.run_number = reader.take<std::uint32_t>();
    checkpoint.shards = reader.take<std::uint32_t>();
    const std::size_t wals = reader.take_count(kWalRowBytes);
    const std::size_t partitions = reader.take_count(kPartitionRowBytes);
    for (std::size_t i = 0; i < wals && !reader.failed(); ++i) {
        checkpoint.wals.push_back(take_wal(reader));
    }
    for (std::size_t i = 0; i < partitions && !reader.failed(); ++i) {
        checkpoint.partitions.push_back(take_partition(reader));
    }
    if (reader.failed() || !reader.at_end()) return failure(Errc::damaged_wal);
    return checkpoint;
}

}  // namespace

void encode_checkpoint(const Checkpoint& checkpoint, std::vector<std::byte>& to) {
    const std::size_t begin = to.size();
    Writer writer(to);
    writer.put(kMagic);
    writer.put(static_cast<std::uint16_t>(kCheckpointVersion));
    writer.put(checkpoint.clean ? kCleanFlag : std::uint16_t{0});
    writer.put(std::uint32_t{0});  // CRC.
    writer.put(checkpoint.leader_epoch_min);
    writer.put(std::uint64_t{0});  // Length.

    writer.put(checkpoint.number);
    writer.put(checkpoint.guarded_clock);
    writer.put(checkpoint.run_number);
    writer.put(checkpoint.shards);
    writer.put_count(checkpoint.wals.size());
    writer.put_count(checkpoint.partitions.size());
    for (const auto& wal : checkpoint.wals)
        put_wal(writer, wal);
    for (const auto& row : checkpoint.partitions)
        put_partition(writer, row);

    const std::size_t length = to.size() - begin;
    to.resize(begin + round_up(length, kBlockBytes));
    std::byte* slot = to.data() + begin;
    store_little(slot + at::kLength, static_cast<std::uint64_t>(length));
    store_little(slot + at::kCrc, checkpoint_crc({slot, length}));
}

Result<Checkpoint> decode_checkpoint(Bytes bytes) {
    if (bytes.size() < kHeaderBytes) return failure(Errc::damaged_wal);
    const std::byte* from = bytes.data();
    if (load_little<std::uint32_t>(from + at::kMagic) != kMagic) return failure(Errc::damaged_wal);
    const auto length = load_little<std::uint64_t>(from + at::kLength);
    if (length < kHeaderBytes || length > bytes.size()) return failure(Errc::damaged_wal);
    if (load_little<std::uint32_t>(from + at::kCrc) != checkpoint_crc(bytes.first(length))) {
        return failure(Errc::damaged_wal);
    }
    const auto flags = load_little<std::uint16_t>(from + at::kFlags);
    if (load_little<std::uint16_t>(from + at::kVersion) != kCheckpointVersion ||
        (flags & ~kCleanFlag) != 0) {
        return failure(Errc::newer_format);
    }
    TRY(auto checkpoint, decode_body(bytes.subspan(kHeaderBytes, length - kHeaderBytes)));
    checkpoint.clean = (flags & kCleanFlag) != 0;
    checkpoint.leader_epoch_min = load_little<LeaderEpoch>(from + at::kLeaderEpochMin);
    return checkpoint;
}

}  // namespace millrace::engine
