// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/wal_group.h"

#include "engine/assert.h"
#include "engine/base/byte_order.h"
#include "engine/base/crc32c.h"

namespace millrace::engine {

namespace {

constexpr std::uint32_t kMagic = 0x4c41574d;  // "MWAL" in the file.

namespace at {
constexpr std::size_t kMagic = 0;
constexpr std::size_t kVersion = 4;
constexpr std::size_t kReserved = 6;
constexpr std::size_t kHeaderCrc = 8;
constexpr std::size_t kGroupCrc = 12;
constexpr std::size_t kLength = 16;
constexpr std::size_t kChain = 20;
constexpr std::size_t kRunBits = 24;
constexpr std::size_t kPreviousRunBits = 32;
constexpr std::size_t kRunNumber = 40;
constexpr std::size_t kDirectory = 44;
constexpr std::size_t kSequence = 48;
constexpr std::size_t kFlushedSequence = 56;
constexpr std::size_t kFileNumber = 64;
constexpr std::size_t kBlock = 72;
constexpr std::size_t kReservedEnd = 76;
}  // namespace at

static_assert(at::kReservedEnd + sizeof(std::uint32_t) == kGroupHeaderBytes);
// A header never tears: it lies in the first sector of its group.
static_assert(kGroupHeaderBytes <= 512);

std::uint32_t crc_without(Bytes bytes, std::size_t skip_from, std::size_t skip_to) noexcept {
    return crc32c(bytes.subspan(skip_to), crc32c(bytes.first(skip_from)));
}

std::uint32_t group_crc(Bytes group) noexcept {
    return crc_without(group, at::kHeaderCrc, at::kLength);
}

std::uint32_t header_crc(Bytes header) noexcept {
    return crc_without(header, at::kHeaderCrc, at::kGroupCrc);
}

}  // namespace

std::uint32_t seal_group(std::byte* group, const WalGroupHeader& header) noexcept {
    ASSERT(header.length >= kGroupHeaderBytes);
    store_little(group + at::kMagic, kMagic);
    store_little(group + at::kVersion, kGroupVersion);
    store_little(group + at::kReserved, std::uint16_t{0});
    store_little(group + at::kLength, header.length);
    store_little(group + at::kChain, header.chain);
    store_little(group + at::kRunBits, header.run_bits);
    store_little(group + at::kPreviousRunBits, header.previous_run_bits);
    store_little(group + at::kRunNumber, header.run_number);
    store_little(group + at::kDirectory, header.directory);
    store_little(group + at::kSequence, header.sequence);
    store_little(group + at::kFlushedSequence, header.flushed_sequence);
    store_little(group + at::kFileNumber, header.file_number);
    store_little(group + at::kBlock, header.block);
    store_little(group + at::kReservedEnd, std::uint32_t{0});
    const std::uint32_t crc = group_crc({group, header.length});
    store_little(group + at::kGroupCrc, crc);
    store_little(group + at::kHeaderCrc, header_crc({group, kGroupHeaderBytes}));
    return crc;
}

Result<WalGroupHeader> read_group_header(Bytes bytes) noexcept {
    if (bytes.size() < kGroupHeaderBytes) return failure(Errc::damaged_wal);
    const std::byte* from = bytes.data();
    if (load_little<std::uint32_t>(from + at::kMagic) != kMagic) return failure(Errc::damaged_wal);
    if (load_little<std::uint32_t>(from + at::kHeaderCrc) !=
        header_crc(bytes.first(kGroupHeaderBytes))) {
        return failure(Errc::damaged_wal);
    }
    if (load_little<std::uint16_t>(from + at::kVersion) != kGroupVersion ||
        load_little<std::uint16_t>(from + at::kReserved) != 0 ||
        load_little<std::uint32_t>(from + at::kReservedEnd) != 0) {
        return failure(Errc::newer_format);
    }
    WalGroupHeader header;
    header.length = load_little<std::uint32_t>(from + at::kLength);
    header.crc = load_little<std::uint32_t>(from + at::kGroupCrc);
    header.chain = load_little<std::uint32_t>(from + at::kChain);
    header.run_bits = load_little<std::uint64_t>(from + at::kRunBits);
    header.previous_run_bits = load_little<std::uint64_t>(from + at::kPreviousRunBits);
    header.run_number = load_little<std::uint32_t>(from + at::kRunNumber);
    header.directory = load_little<std::uint32_t>(from + at::kDirectory);
    header.sequence = load_little<std::uint64_t>(from + at::kSequence);
    header.flushed_sequence = load_little<std::uint64_t>(from + at::kFlushedSequence);
    header.file_number = load_little<std::uint64_t>(from + at::kFileNumber);
    header.block = load_little<std::uint32_t>(from + at::kBlock);
    if (header.length < kGroupHeaderBytes) return failure(Errc::damaged_wal);
    return header;
}

bool group_crc_is_right(Bytes group, const WalGroupHeader& header) noexcept {
    return group.size() == header.length && group_crc(group) == header.crc;
}

}  // namespace millrace::engine
