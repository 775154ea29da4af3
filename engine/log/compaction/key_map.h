// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The last offset of every key of a stretch of a log. Keys are kept whole and compared whole: no
// two of them are ever taken for one.
//
// Thread:      one at a time.
// Memory:      at most the bytes it was made with; a key that does not fit is refused.
#pragma once

#include "engine/types.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace millrace::engine {

class KeyMap {
public:
    // `seed` hides from whoever chooses keys where they lie.
    KeyMap(std::uint64_t bytes_max, std::uint64_t seed) : bytes_max_(bytes_max), seed_(seed) {}

    // False, and nothing has changed: there is no room for another key.
    [[nodiscard]] bool put(Bytes key, Offset offset);

    [[nodiscard]] std::optional<Offset> find(Bytes key) const noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    [[nodiscard]] std::uint64_t memory_bytes() const noexcept;

private:
    struct Slot {
        std::uint64_t hash = 0;
        const std::byte* key = nullptr;  // Null: the slot is free.
        std::uint32_t key_bytes = 0;
        Offset offset;
    };

    [[nodiscard]] std::uint64_t hash_of(Bytes key) const noexcept;
    [[nodiscard]] std::size_t place_of(Bytes key, std::uint64_t hash) const noexcept;
    [[nodiscard]] bool make_slots();
    [[nodiscard]] const std::byte* store(Bytes key);

    std::uint64_t bytes_max_;
    std::uint64_t seed_;
    std::vector<Slot> slots_;  // A power of two of them; at most three quarters are taken.
    std::size_t size_ = 0;
    std::vector<std::unique_ptr<std::byte[]>> chunks_;
    std::byte* chunk_at_ = nullptr;  // Free part of the last chunk.
    std::size_t chunk_left_ = 0;
    std::uint64_t chunk_bytes_ = 0;  // Of all of them.
};

}  // namespace millrace::engine
