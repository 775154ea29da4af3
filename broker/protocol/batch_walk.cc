// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/protocol/batch_walk.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace millrace::broker {
namespace {

// Kafka's record batch: base offset (8), length (4, big endian) of what follows it, and a header
// of 61 bytes in all.
constexpr std::uint32_t kLengthAt = 8;
constexpr std::uint32_t kPrefixBytes = 12;
constexpr std::uint32_t kHeaderBytes = 61;

// Whole size that the batch at the front claims; 0 when it cannot be one.
std::uint64_t claimed_bytes(engine::Bytes bytes) noexcept {
    if (bytes.size() < kHeaderBytes) return 0;
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data() + kLengthAt, sizeof length);
    length = std::byteswap(length);
    if (length < kHeaderBytes - kPrefixBytes || length > bytes.size() - kPrefixBytes) return 0;
    return std::uint64_t{length} + kPrefixBytes;
}

}  // namespace

bool holds_whole_batches(engine::Bytes bytes) noexcept {
    if (bytes.empty()) return false;
    while (!bytes.empty()) {
        const auto size = claimed_bytes(bytes);
        if (size == 0) return false;
        bytes = bytes.subspan(size);
    }
    return true;
}

std::uint32_t largest_batch_bytes(engine::Bytes bytes) noexcept {
    std::uint64_t largest = 0;
    while (!bytes.empty()) {
        const auto size = claimed_bytes(bytes);
        if (size == 0) break;
        largest = std::max(largest, size);
        bytes = bytes.subspan(size);
    }
    return static_cast<std::uint32_t>(largest);
}

}  // namespace millrace::broker
