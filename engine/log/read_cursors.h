// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Where earlier cold reads ended: a reader that goes on from there needs no index.
#pragma once

#include "engine/log/log_state.h"

#include <array>
#include <cstdint>

namespace millrace::engine {

// A small table in which a new entry takes the place of an old one.
// Thread: the shard's.
class ReadCursors {
public:
    // A batch that begins with `offset` begins at `position` of that segment's file.
    struct Place {
        Offset offset;
        Offset segment_base;
        std::uint64_t position = 0;
    };

    void put(const LogState& log, const Place& place) noexcept {
        entries_[slot_of(log, place.offset)] = {&log, log.generation, place};
    }

    // Null: not known.
    [[nodiscard]] const Place* find(const LogState& log, Offset offset) const noexcept {
        const auto& entry = entries_[slot_of(log, offset)];
        const bool right = entry.log == &log && entry.generation == log.generation &&
                           entry.place.offset == offset;
        return right ? &entry.place : nullptr;
    }

    // The log dies, or its reader was led astray.
    void forget(const LogState& log) noexcept {
        for (auto& entry : entries_) {
            if (entry.log == &log) entry = {};
        }
    }

private:
    struct Entry {
        const LogState* log = nullptr;
        std::uint64_t generation = 0;
        Place place;
    };

    static constexpr std::size_t kEntries = 256;

    [[nodiscard]] static std::size_t slot_of(const LogState& log, Offset offset) noexcept {
        const auto mixed =
                hash_of(log.key) ^ static_cast<std::uint64_t>(offset.value) * 0x9e3779b97f4a7c15U;
        return mixed >> 32U & (kEntries - 1);
    }

    std::array<Entry, kEntries> entries_{};
};

}  // namespace millrace::engine
