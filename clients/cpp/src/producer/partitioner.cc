// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "producer/partitioner.h"

#include "engine/base/byte_order.h"

namespace millrace::detail {

std::int32_t murmur2(engine::Bytes bytes) noexcept {
    constexpr std::uint32_t kSeed = 0x9747b28c;
    constexpr std::uint32_t kMultiplier = 0x5bd1e995;
    constexpr unsigned kShift = 24;
    auto hash = kSeed ^ static_cast<std::uint32_t>(bytes.size());
    while (bytes.size() >= 4) {
        auto word = engine::load_little<std::uint32_t>(bytes.data()) * kMultiplier;
        word ^= word >> kShift;
        hash = (hash * kMultiplier) ^ (word * kMultiplier);
        bytes = bytes.subspan(4);
    }
    if (!bytes.empty()) {
        for (std::size_t i = bytes.size(); i-- > 0;)
            hash ^= static_cast<std::uint32_t>(bytes[i]) << (8 * i);
        hash *= kMultiplier;
    }
    hash ^= hash >> 13U;
    hash *= kMultiplier;
    hash ^= hash >> 15U;
    return static_cast<std::int32_t>(hash);
}

std::uint32_t partition_of_key(engine::Bytes key, std::uint32_t count) noexcept {
    return (static_cast<std::uint32_t>(murmur2(key)) & 0x7fffffffU) % count;
}

std::uint32_t StickyChoice::next(std::uint32_t present, std::uint32_t count) noexcept {
    if (count == 1) return 0;
    if (present >= count)
        return std::uniform_int_distribution<std::uint32_t>(0, count - 1)(random_);
    const auto step = std::uniform_int_distribution<std::uint32_t>(1, count - 1)(random_);
    return (present + step) % count;
}

}  // namespace millrace::detail
