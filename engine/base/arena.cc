// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/arena.h"

#include "engine/base/buddy_piece.h"
#include "engine/units.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <limits>
#include <mutex>
#include <new>
#include <optional>
#include <vector>

namespace millrace::engine {

namespace {

constexpr std::uint64_t kBuddyBytesMax = kMiB;
constexpr std::uint64_t kBufferBytesMax = 2 * kGiB;
constexpr std::size_t kHeadersPerSlab = 256;
constexpr auto kUnusedFor = std::chrono::seconds(30);

// Buffer::capacity is 32 bits wide.
static_assert(kBufferBytesMax <= std::numeric_limits<std::uint32_t>::max());

struct PieceEntry {
    std::unique_ptr<BuddyPiece> piece;
    std::optional<MonotonicTime> unused_since;
};

// A header and where its bytes came from. Headers are pooled: handing out a buffer in the steady
// state calls no allocator.
struct ArenaBuffer : Buffer {
    BuddyPiece* piece = nullptr;
};

std::uint64_t rounded(std::uint64_t bytes) {
    if (bytes <= kBlockBytes) return kBlockBytes;
    return bytes <= kBuddyBytesMax ? std::bit_ceil(bytes) : round_up(bytes, kMiB);
}

}  // namespace

struct Arena::State {
    mutable std::mutex mutex;
    std::uint64_t bytes_max = 0;
    std::uint64_t bytes_in_use = 0;
    std::uint64_t bytes_mapped = 0;
    std::vector<PieceEntry> pieces;
    std::vector<std::unique_ptr<ArenaBuffer[]>> slabs;
    Buffer* free_headers = nullptr;

    // The piece whose largest free block is the smallest that fits, so that whole pieces stay
    // whole and can be given back. Null when none fits.
    PieceEntry* best_fit(std::uint64_t bytes) {
        PieceEntry* best = nullptr;
        for (auto& entry : pieces) {
            const auto free = entry.piece->largest_free();
            if (free < bytes) continue;
            // A piece longer than one huge page serves only buffers of its own length.
            if (entry.piece->bytes() != BuddyPiece::length_for(bytes)) continue;
            if (best == nullptr || free < best->piece->largest_free()) best = &entry;
        }
        return best;
    }

    PieceEntry* map(std::uint64_t bytes) {
        const auto length = BuddyPiece::length_for(bytes);
        if (bytes_mapped + length > bytes_max) release([](const PieceEntry&) { return true; });
        auto piece = BuddyPiece::map(length);
        if (piece == nullptr) return nullptr;
        pieces.push_back({std::move(piece), std::nullopt});
        bytes_mapped += length;
        return &pieces.back();
    }

    // Unmaps pieces that hold no buffer and of which `chosen` is true.
    template <class Chosen>
    void release(const Chosen& chosen) {
        std::erase_if(pieces, [&](const PieceEntry& entry) {
            if (!entry.piece->unused() || !chosen(entry)) return false;
            bytes_mapped -= entry.piece->bytes();
            return true;
        });
    }

    ArenaBuffer* take_header() {
        if (free_headers == nullptr) {
            auto& slab = slabs.emplace_back(std::make_unique<ArenaBuffer[]>(kHeadersPerSlab));
            for (std::size_t i = 0; i < kHeadersPerSlab; ++i) {
                slab[i].next = std::exchange(free_headers, &slab[i]);
            }
        }
        auto* header = static_cast<ArenaBuffer*>(free_headers);
        free_headers = std::exchange(header->next, nullptr);
        return header;
    }

    void put_header(ArenaBuffer* header) noexcept {
        header->data = nullptr;
        header->capacity = 0;
        header->piece = nullptr;
        header->next = std::exchange(free_headers, header);
    }

    ArenaBuffer* allocate(std::uint64_t bytes) {
        if (bytes > kBufferBytesMax || bytes > bytes_max - bytes_in_use) return nullptr;
        auto* header = take_header();
        auto* entry = best_fit(bytes);
        if (entry == nullptr) entry = map(bytes);
        if (entry == nullptr) {
            put_header(header);
            return nullptr;
        }
        entry->unused_since.reset();
        header->piece = entry->piece.get();
        header->data = header->piece->take(bytes);
        header->capacity = static_cast<std::uint32_t>(bytes);
        bytes_in_use += bytes;
        return header;
    }
};

Arena::Arena(std::uint64_t bytes_max) : state_(std::make_unique<State>()) {
    state_->bytes_max = bytes_max;
}

Arena::~Arena() {
    ASSERT(state_->bytes_in_use == 0);
}

BufferRef Arena::allocate(std::uint64_t bytes) noexcept {
    if (bytes > kBufferBytesMax) return {};
    const std::lock_guard lock(state_->mutex);
    try {
        auto* header = state_->allocate(rounded(bytes));
        if (header == nullptr) return {};
        header->arena = this;
        return BufferRef(header);
    } catch (const std::bad_alloc&) {
        return {};
    }
}

void Arena::give_back(Buffer* buffer) noexcept {
    auto* header = static_cast<ArenaBuffer*>(buffer);
    const std::lock_guard lock(state_->mutex);
    header->piece->give_back(header->data, header->capacity);
    state_->bytes_in_use -= header->capacity;
    state_->put_header(header);
}

void Arena::release_unused(MonotonicTime now) noexcept {
    const std::lock_guard lock(state_->mutex);
    for (auto& entry : state_->pieces) {
        if (entry.piece->unused() && !entry.unused_since) entry.unused_since = now;
    }
    state_->release([now](const PieceEntry& entry) {
        return entry.unused_since && now - *entry.unused_since >= kUnusedFor;
    });
}

std::uint64_t Arena::bytes_in_use() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return state_->bytes_in_use;
}

std::uint64_t Arena::bytes_mapped() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return state_->bytes_mapped;
}

std::uint64_t Arena::bytes_max() const noexcept {
    return state_->bytes_max;
}

void BufferRef::drop() noexcept {
    if (buffer_ == nullptr) return;
    if (buffer_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        buffer_->arena->give_back(buffer_);
    }
}

}  // namespace millrace::engine
