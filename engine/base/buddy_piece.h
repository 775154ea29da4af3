// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One mapping of the arena: 2 MiB cut in halves down to 4 KiB as needed, or, for a buffer of more
// than 2 MiB, as many huge pages as it takes, handed out whole.
//
// Lifecycle:   mapped by map(), unmapped by the destructor; by then every block is back.
// Thread:      the caller's lock.
#pragma once

#include "engine/units.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace millrace::engine {

class BuddyPiece {
public:
    static constexpr std::uint64_t kHugePageBytes = 2 * kMiB;

    // Length of the mapping that serves a buffer of `bytes`.
    [[nodiscard]] static constexpr std::uint64_t length_for(std::uint64_t bytes) {
        return bytes <= kHugePageBytes ? kHugePageBytes : round_up(bytes, kHugePageBytes);
    }

    // Maps memory aligned to a huge page and asks for huge pages. Null when the system refuses.
    [[nodiscard]] static std::unique_ptr<BuddyPiece> map(std::uint64_t length);

    BuddyPiece(std::byte* data, std::uint64_t length) noexcept;  // Owns the mapping: use map().
    ~BuddyPiece();
    BuddyPiece(const BuddyPiece&) = delete;
    BuddyPiece& operator=(const BuddyPiece&) = delete;

    [[nodiscard]] std::uint64_t bytes() const noexcept { return length_; }

    [[nodiscard]] bool unused() const noexcept { return bytes_taken_ == 0; }

    // Of blocks that take() can hand out.
    [[nodiscard]] std::uint64_t largest_free() const noexcept;

    // Requires: bytes <= largest_free(); a power of two from kBlockBytes, or, beyond a huge page,
    // any length that this mapping was made for.
    [[nodiscard]] std::byte* take(std::uint64_t bytes) noexcept;

    // Requires: what take(bytes) returned.
    void give_back(std::byte* block, std::uint64_t bytes) noexcept;

private:
    // A tree of halves: node 1 is the whole piece, nodes 2n and 2n+1 the halves of n. Each node
    // knows the order of the largest free block below it, plus one; 0: none.
    static constexpr unsigned kOrders = 10;  // 4 KiB << 9 is a huge page.
    static_assert((kBlockBytes << (kOrders - 1)) == kHugePageBytes);

    void update_parents(std::size_t node, unsigned order) noexcept;

    std::byte* data_;
    std::uint64_t length_;
    std::uint64_t bytes_taken_ = 0;
    std::array<std::uint8_t, std::size_t{1} << kOrders> largest_{};
};

}  // namespace millrace::engine
