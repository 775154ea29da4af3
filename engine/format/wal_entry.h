// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Entries inside a commit group of the write-ahead log, and the payloads of control entries.
// Little endian; layout and example in docs/log_format.md.
#pragma once

#include "engine/result.h"
#include "engine/types.h"

#include <cstddef>
#include <cstdint>

namespace millrace::engine {

// In the WAL format: never renumbered.
enum class EntryKind : std::uint8_t {
    append = 1,
    atomic = 2,
    log_start = 3,
    truncate = 4,
    epoch = 5,
    start = 6,
    empty = 7,
};

inline constexpr std::uint32_t kEntryHeaderBytes = 28;

struct WalEntryView {
    EntryKind kind = EntryKind::empty;
    PartitionKey key;
    Bytes payload;
};

void store_entry_header(std::byte* to,
                        EntryKind kind,
                        const PartitionKey& key,
                        std::uint32_t payload_bytes) noexcept;

// Reads the entry at the front of a group's entries and moves them on. Errors: damaged_wal
// (lengths), newer_format (a kind or flag that this version does not know).
[[nodiscard]] Result<WalEntryView> take_entry(Bytes& from) noexcept;

// Payload of `start`: which group the first group of a run follows. All zero: none before it.
struct StartLink {
    std::uint64_t run_bits = 0;
    Sequence sequence = 0;
    std::uint32_t run_number = 0;
    std::uint32_t crc = 0;

    bool operator==(const StartLink&) const = default;
};

inline constexpr std::uint32_t kStartLinkBytes = 24;

void store_start_link(std::byte* to, const StartLink& link) noexcept;
[[nodiscard]] Result<StartLink> load_start_link(Bytes payload) noexcept;

// Payload of `epoch`: the partition's leader epoch from `start` on.
struct EpochChange {
    LeaderEpoch epoch = 0;
    Offset start;

    bool operator==(const EpochChange&) const = default;
};

inline constexpr std::uint32_t kEpochChangeBytes = 12;

void store_epoch_change(std::byte* to, const EpochChange& change) noexcept;
[[nodiscard]] Result<EpochChange> load_epoch_change(Bytes payload) noexcept;

}  // namespace millrace::engine
