// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/compaction/key_map.h"

#include "engine/base/byte_order.h"
#include "engine/base/payload_copy.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace millrace::engine {

namespace {

constexpr std::size_t kSlotsMin = 1024;
constexpr std::size_t kChunkBytes = 64 * 1024;

__extension__ using Wide = unsigned __int128;

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) noexcept {
    const auto product = static_cast<Wide>(hash ^ word) * 0x9e3779b97f4a7c15U;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

}  // namespace

std::uint64_t KeyMap::hash_of(Bytes key) const noexcept {
    auto hash = mixed(seed_, key.size() + 0x2545f4914f6cdd1dU);
    for (; key.size() >= sizeof(std::uint64_t); key = key.subspan(sizeof(std::uint64_t))) {
        hash = mixed(hash, load_little<std::uint64_t>(key.data()));
    }
    std::uint64_t rest = 0;
    for (const auto byte : key)
        rest = rest << 8U | static_cast<std::uint64_t>(byte);
    return mixed(mixed(hash, rest), seed_);
}

// Where the key lies, or the free slot where it would. Requires: there are slots.
std::size_t KeyMap::place_of(Bytes key, std::uint64_t hash) const noexcept {
    const auto mask = slots_.size() - 1;
    for (auto at = static_cast<std::size_t>(hash) & mask;; at = (at + 1) & mask) {
        const auto& slot = slots_[at];
        if (slot.key == nullptr) return at;
        if (slot.hash != hash || slot.key_bytes != key.size()) continue;
        if (key.empty() || std::memcmp(slot.key, key.data(), key.size()) == 0) return at;
    }
}

bool KeyMap::put(Bytes key, Offset offset) {
    const auto hash = hash_of(key);
    if (!slots_.empty()) {
        auto& known = slots_[place_of(key, hash)];
        if (known.key != nullptr) {
            known.offset = std::max(known.offset, offset);
            return true;
        }
    }
    if ((size_ + 1) * 4 > slots_.size() * 3 && !make_slots()) return false;
    const auto* stored = store(key);
    if (stored == nullptr) return false;
    slots_[place_of(key, hash)] = {hash, stored, static_cast<std::uint32_t>(key.size()), offset};
    ++size_;
    return true;
}

std::optional<Offset> KeyMap::find(Bytes key) const noexcept {
    if (slots_.empty()) return std::nullopt;
    const auto& slot = slots_[place_of(key, hash_of(key))];
    if (slot.key == nullptr) return std::nullopt;
    return slot.offset;
}

// Twice as many; while they are moved both are there.
bool KeyMap::make_slots() {
    const auto count = slots_.empty() ? kSlotsMin : slots_.size() * 2;
    const auto bytes = (count + slots_.size()) * sizeof(Slot) + chunk_bytes_;
    if (bytes > bytes_max_) return false;
    auto before = std::exchange(slots_, std::vector<Slot>(count));
    const auto mask = count - 1;
    for (const auto& slot : before) {
        if (slot.key == nullptr) continue;
        auto at = static_cast<std::size_t>(slot.hash) & mask;
        while (slots_[at].key != nullptr)
            at = (at + 1) & mask;
        slots_[at] = slot;
    }
    return true;
}

// A copy of the key; null: there is no room for it.
const std::byte* KeyMap::store(Bytes key) {
    const auto bytes = std::max<std::size_t>(key.size(), 1);  // An empty key has a place, too.
    if (bytes > chunk_left_) {
        const auto chunk_bytes = std::max(bytes, kChunkBytes);
        if (slots_.size() * sizeof(Slot) + chunk_bytes_ + chunk_bytes > bytes_max_) return nullptr;
        chunk_at_ = chunks_.emplace_back(std::make_unique<std::byte[]>(chunk_bytes)).get();
        chunk_left_ = chunk_bytes;
        chunk_bytes_ += chunk_bytes;
    }
    auto* const stored = chunk_at_;
    if (!key.empty()) copy_payload(stored, key.data(), key.size());
    chunk_at_ += bytes;
    chunk_left_ -= bytes;
    return stored;
}

std::uint64_t KeyMap::memory_bytes() const noexcept {
    return slots_.size() * sizeof(Slot) + chunk_bytes_;
}

}  // namespace millrace::engine
