// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/wal_entry.h"

#include "engine/base/byte_order.h"

#include <algorithm>
#include <cstring>

namespace millrace::engine {

namespace {

namespace at {
constexpr std::size_t kKind = 0;
constexpr std::size_t kFlags = 1;
constexpr std::size_t kReserved = 2;
constexpr std::size_t kLength = 4;
constexpr std::size_t kTopic = 8;
constexpr std::size_t kPartition = 24;
}  // namespace at

static_assert(at::kPartition + sizeof(std::uint32_t) == kEntryHeaderBytes);

}  // namespace

void store_entry_header(std::byte* to,
                        EntryKind kind,
                        const PartitionKey& key,
                        std::uint32_t payload_bytes) noexcept {
    store_little(to + at::kKind, static_cast<std::uint8_t>(kind));
    store_little(to + at::kFlags, std::uint8_t{0});
    store_little(to + at::kReserved, std::uint16_t{0});
    store_little(to + at::kLength, payload_bytes);
    std::memcpy(to + at::kTopic, key.topic.bytes.data(), key.topic.bytes.size());
    store_little(to + at::kPartition, key.partition);
}

Result<WalEntryView> take_entry(Bytes& from) noexcept {
    if (from.size() < kEntryHeaderBytes) return failure(Errc::damaged_wal);
    const std::byte* header = from.data();
    const auto kind = load_little<std::uint8_t>(header + at::kKind);
    const bool known = kind >= static_cast<std::uint8_t>(EntryKind::append) &&
                       kind <= static_cast<std::uint8_t>(EntryKind::empty);
    if (!known || load_little<std::uint8_t>(header + at::kFlags) != 0 ||
        load_little<std::uint16_t>(header + at::kReserved) != 0) {
        return failure(Errc::newer_format);
    }
    const auto length = load_little<std::uint32_t>(header + at::kLength);
    if (length > from.size() - kEntryHeaderBytes) return failure(Errc::damaged_wal);

    WalEntryView entry;
    entry.kind = static_cast<EntryKind>(kind);
    std::memcpy(entry.key.topic.bytes.data(), header + at::kTopic, entry.key.topic.bytes.size());
    entry.key.partition = load_little<std::uint32_t>(header + at::kPartition);
    entry.payload = from.subspan(kEntryHeaderBytes, length);
    from = from.subspan(kEntryHeaderBytes + length);
    return entry;
}

void store_start_link(std::byte* to, const StartLink& link) noexcept {
    store_little(to, link.run_bits);
    store_little(to + 8, link.sequence);
    store_little(to + 16, link.run_number);
    store_little(to + 20, link.crc);
}

Result<StartLink> load_start_link(Bytes payload) noexcept {
    if (payload.size() != kStartLinkBytes) return failure(Errc::damaged_wal);
    StartLink link;
    link.run_bits = load_little<std::uint64_t>(payload.data());
    link.sequence = load_little<std::uint64_t>(payload.data() + 8);
    link.run_number = load_little<std::uint32_t>(payload.data() + 16);
    link.crc = load_little<std::uint32_t>(payload.data() + 20);
    return link;
}

void store_epoch_change(std::byte* to, const EpochChange& change) noexcept {
    store_little(to, change.epoch);
    store_little(to + 4, change.start.value);
}

Result<EpochChange> load_epoch_change(Bytes payload) noexcept {
    if (payload.size() != kEpochChangeBytes) return failure(Errc::damaged_wal);
    return EpochChange{load_little<std::int32_t>(payload.data()),
                       Offset(load_little<std::int64_t>(payload.data() + 4))};
}

}  // namespace millrace::engine
