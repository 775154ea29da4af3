// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/base/buddy_piece.h"

#include "engine/assert.h"

#include <algorithm>
#include <bit>
#include <new>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace millrace::engine {

namespace {

// Under the address sanitizer, a use of a buffer after its last reference is dropped is reported.
void forbid_use([[maybe_unused]] std::byte* block, [[maybe_unused]] std::uint64_t bytes) noexcept {
#if defined(__SANITIZE_ADDRESS__)
    __asan_poison_memory_region(block, bytes);
#endif
}

void allow_use([[maybe_unused]] std::byte* block, [[maybe_unused]] std::uint64_t bytes) noexcept {
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(block, bytes);
#endif
}

unsigned order_of(std::uint64_t bytes) {
    return static_cast<unsigned>(std::countr_zero(bytes / kBlockBytes));
}

}  // namespace

std::unique_ptr<BuddyPiece> BuddyPiece::map(std::uint64_t length) {
    // The kernel aligns to small pages only: take a huge page more and give the ends back.
    const auto spacious = length + kHugePageBytes;
    void* const mapped =
            ::mmap(nullptr, spacious, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    const auto start = reinterpret_cast<std::uintptr_t>(mapped);
    const auto aligned = round_up(start, kHugePageBytes);
    const auto before = aligned - start;
    if (before != 0) ::munmap(mapped, before);
    auto* const data = static_cast<std::byte*>(mapped) + before;
    if (before != kHugePageBytes) ::munmap(data + length, kHugePageBytes - before);
    ::madvise(data, length, MADV_HUGEPAGE);  // A wish: without it the same memory is slower.
    try {
        return std::make_unique<BuddyPiece>(data, length);
    } catch (const std::bad_alloc&) {
        ::munmap(data, length);
        return nullptr;
    }
}

BuddyPiece::BuddyPiece(std::byte* data, std::uint64_t length) noexcept
        : data_(data), length_(length) {
    for (std::size_t node = 1; node < largest_.size(); ++node) {
        const auto depth = static_cast<unsigned>(std::bit_width(node)) - 1;
        largest_[node] = static_cast<std::uint8_t>(kOrders - depth);
    }
    forbid_use(data_, length_);
}

BuddyPiece::~BuddyPiece() {
    ASSERT(unused());
    allow_use(data_, length_);
    ::munmap(data_, length_);
}

std::uint64_t BuddyPiece::largest_free() const noexcept {
    if (length_ > kHugePageBytes) return unused() ? length_ : 0;
    return largest_[1] == 0 ? 0 : kBlockBytes << (largest_[1] - 1U);
}

std::byte* BuddyPiece::take(std::uint64_t bytes) noexcept {
    ASSERT(bytes <= largest_free());
    bytes_taken_ += bytes;
    if (length_ > kHugePageBytes) {
        allow_use(data_, bytes);
        return data_;
    }
    const auto order = order_of(bytes);
    ASSERT(kBlockBytes << order == bytes);
    std::size_t node = 1;
    for (auto at = kOrders - 1; at > order; --at) {
        // The half with less room is used up first, so that large blocks stay.
        const auto left = largest_[2 * node];
        const auto right = largest_[2 * node + 1];
        const bool go_right = left <= order || (right > order && right < left);
        node = 2 * node + (go_right ? 1 : 0);
    }
    largest_[node] = 0;
    update_parents(node, order);
    const auto first_of_order = std::size_t{1} << (kOrders - 1 - order);
    auto* const block = data_ + (node - first_of_order) * bytes;
    allow_use(block, bytes);
    return block;
}

void BuddyPiece::give_back(std::byte* block, std::uint64_t bytes) noexcept {
    bytes_taken_ -= bytes;
    forbid_use(block, bytes);
    if (length_ > kHugePageBytes) return;
    const auto order = order_of(bytes);
    ASSERT(order < kOrders);
    const auto first_of_order = std::size_t{1} << (kOrders - 1 - order);
    const auto node = first_of_order + static_cast<std::uint64_t>(block - data_) / bytes;
    ASSERT(largest_[node] == 0);
    largest_[node] = static_cast<std::uint8_t>(order + 1);
    update_parents(node, order);
}

void BuddyPiece::update_parents(std::size_t node, unsigned order) noexcept {
    while (node > 1) {
        const auto left = largest_[node & ~std::size_t{1}];
        const auto right = largest_[node | 1U];
        const auto whole = static_cast<std::uint8_t>(order + 1);
        node /= 2;
        ++order;
        const bool joined = left == whole && right == whole;
        largest_[node] = joined ? static_cast<std::uint8_t>(order + 1) : std::max(left, right);
    }
}

}  // namespace millrace::engine
