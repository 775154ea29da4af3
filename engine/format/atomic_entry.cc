// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/atomic_entry.h"

#include "engine/base/byte_order.h"

#include <cstring>

namespace millrace::engine {

namespace {

// Of the payload.
namespace at {
constexpr std::size_t kParts = 0;
constexpr std::size_t kReserved = 4;
}  // namespace at

// Of a row.
namespace row_at {
constexpr std::size_t kTopic = 0;
constexpr std::size_t kPartition = 16;
constexpr std::size_t kBytes = 20;
}  // namespace row_at

static_assert(at::kReserved + sizeof(std::uint32_t) == kAtomicHeadBytes);
static_assert(row_at::kBytes + sizeof(std::uint32_t) == kAtomicRowBytes);

}  // namespace

void store_atomic_head(std::byte* payload, std::uint32_t parts) noexcept {
    store_little(payload + at::kParts, parts);
    store_little(payload + at::kReserved, std::uint32_t{0});
}

void store_atomic_row(std::byte* payload,
                      std::uint32_t index,
                      const PartitionKey& key,
                      std::uint32_t bytes) noexcept {
    std::byte* row = payload + kAtomicHeadBytes + std::size_t{index} * kAtomicRowBytes;
    std::memcpy(row + row_at::kTopic, key.topic.bytes.data(), key.topic.bytes.size());
    store_little(row + row_at::kPartition, key.partition);
    store_little(row + row_at::kBytes, bytes);
}

Result<std::vector<AtomicPartView>> read_atomic_entry(Bytes payload) {
    if (payload.size() < kAtomicHeadBytes) return failure(Errc::damaged_wal);
    const auto count = load_little<std::uint32_t>(payload.data() + at::kParts);
    if (load_little<std::uint32_t>(payload.data() + at::kReserved) != 0 ||
        count > kAtomicPartsMax) {
        return failure(Errc::newer_format);
    }
    if (count == 0 || payload.size() < atomic_table_bytes(count)) {
        return failure(Errc::damaged_wal);
    }
    std::vector<AtomicPartView> parts(count);
    Bytes rest = payload.subspan(atomic_table_bytes(count));
    for (std::uint32_t index = 0; index < count; ++index) {
        const std::byte* row =
                payload.data() + kAtomicHeadBytes + std::size_t{index} * kAtomicRowBytes;
        auto& [key, batches] = parts[index];
        std::memcpy(key.topic.bytes.data(), row + row_at::kTopic, key.topic.bytes.size());
        key.partition = load_little<std::uint32_t>(row + row_at::kPartition);
        const auto bytes = load_little<std::uint32_t>(row + row_at::kBytes);
        if (bytes == 0 || bytes > rest.size()) return failure(Errc::damaged_wal);
        batches = rest.first(bytes);
        rest = rest.subspan(bytes);
    }
    if (!rest.empty()) return failure(Errc::damaged_wal);
    return parts;
}

}  // namespace millrace::engine
