// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Fills the open commit group: takes memory for it, places entries, seals it into the chain.
//
// Thread:      its shard's loop.
// Memory:      groups lie one behind the other in chunks of 1 MiB; a chunk never crosses into
//              another file, and a group too large for one has a buffer of its own.
// Invariant:   at most one group is open; sequences, chain and places follow the order of sealing.
#pragma once

#include "engine/arena.h"
#include "engine/format/checkpoint.h"
#include "engine/format/wal_entry.h"
#include "engine/result.h"
#include "engine/wal/group.h"
#include "engine/wal/wal_files.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::engine {

struct WalOptions;

class GroupBuilder {
public:
    // `end`: what the first group follows.
    GroupBuilder(const WalOptions& options, Arena& arena, WalFiles& files, const WalPosition& end);

    [[nodiscard]] const Group* open() const noexcept { return open_; }

    // A group's bytes on disk if it holds one entry of this payload.
    [[nodiscard]] static std::uint64_t group_bytes(std::uint64_t payload_bytes) noexcept;

    // True when the open group takes such an entry too.
    [[nodiscard]] bool fits(std::uint32_t payload_bytes) const noexcept;

    // True when the open group has reached its size.
    [[nodiscard]] bool full() const noexcept;

    // Opens a group for an entry of that payload, in the next file if need be.
    // False: no memory. Requires: none is open; the blocks are prepared.
    [[nodiscard]] bool open_group(std::uint32_t payload_bytes);

    // Room for the payload of an entry in the open group. Requires: fits().
    [[nodiscard]] std::byte* reserve(EntryKind kind,
                                     const PartitionKey& key,
                                     std::uint32_t payload_bytes) noexcept;
    void keep(WalSink* sink, Offset end, Durability awaited);
    // An open group without entries is given up.
    void take_back() noexcept;

    // Ends the open group and puts it into the chain. Requires: it holds entries.
    [[nodiscard]] Group& seal(Sequence flushed_sequence) noexcept;

    // A group that nobody needs any more.
    void reuse(Group& group) noexcept;

    void forget(WalSink& sink) noexcept;

    [[nodiscard]] Sequence next_sequence() const noexcept { return end_.sequence; }

    // What the next group follows. Its file and block are not kept up.
    [[nodiscard]] const WalPosition& end() const noexcept { return end_; }

private:
    [[nodiscard]] Group& acquire();
    [[nodiscard]] bool place_in_memory(Group& group, std::uint32_t bytes_min, std::uint32_t bytes);

    std::uint32_t directory_;
    std::uint64_t run_bits_;
    std::uint32_t run_number_;
    std::uint64_t previous_run_bits_;
    std::uint32_t group_bytes_max_;
    Arena& arena_;
    WalFiles& files_;
    WalPosition end_;

    Group* open_ = nullptr;
    std::uint32_t reserved_bytes_ = 0;  // Of the entry between reserve and keep.
    EntryKind reserved_kind_ = EntryKind::empty;

    BufferRef chunk_;
    const WalFile* chunk_file_ = nullptr;
    std::uint32_t chunk_used_ = 0;
    std::uint32_t chunk_bytes_ = 0;

    std::vector<std::unique_ptr<Group>> groups_;  // All that were ever made.
    Group* free_ = nullptr;
};

}  // namespace millrace::engine
