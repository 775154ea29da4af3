// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Which partition a record goes to.
#pragma once

#include "engine/types.h"

#include <cstdint>
#include <random>

namespace millrace::detail {

// MurmurHash2, 32 bit, with the seed Kafka's clients use.
[[nodiscard]] std::int32_t murmur2(engine::Bytes bytes) noexcept;

// Kafka's choice for a key: the hash without its sign bit, modulo the number of partitions.
// Requires: count > 0.
[[nodiscard]] std::uint32_t partition_of_key(engine::Bytes key, std::uint32_t count) noexcept;

// Records without a key stay with one partition for a whole batch, then go to another one.
class StickyChoice {
public:
    explicit StickyChoice(std::uint64_t seed) : random_(seed) {}

    // Another partition than `present`, where there is one. Requires: count > 0.
    [[nodiscard]] std::uint32_t next(std::uint32_t present, std::uint32_t count) noexcept;

private:
    std::minstd_rand random_;
};

}  // namespace millrace::detail
