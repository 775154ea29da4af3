// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Follows the chain of groups from a place in a WAL directory to where it ends.
//
// Thread:      one, before shards run; blocks.
// Invariant:   a group is taken only if everything about it is right: checksums, directory, file
//              number, block, sequence, chain, and the bits of its run, which change only at a
//              group that begins with a `start` entry linked to the group before it.
#pragma once

#include "engine/format/checkpoint.h"
#include "engine/format/wal_group.h"
#include "engine/result.h"
#include "engine/wal/wal_directory.h"
#include "engine/wal/wal_replay.h"

#include <cstdint>

namespace millrace::engine {

class WalChain {
public:
    // Adds what it takes to `wal`, whose slots are those of `directory`.
    WalChain(WalDirectory& directory, const WalPosition& from, ReplayedWal& wal);

    // Takes groups until none follows. Errors: io_failed.
    [[nodiscard]] Result<void> follow();

    // What ends it is the next group, of a version that this one cannot read.
    [[nodiscard]] bool newer_format() const noexcept { return newer_format_; }

    // What ends it is the next group, with entries that are not.
    [[nodiscard]] bool entries_are_bad() const noexcept { return entries_are_bad_; }

private:
    // True: taken.
    [[nodiscard]] Result<bool> try_here();
    [[nodiscard]] Result<bool> try_next_file();
    [[nodiscard]] Result<bool> try_at(const FoundWalFile& file,
                                      std::uint64_t position,
                                      std::uint64_t file_number);
    [[nodiscard]] bool follows(const WalGroupHeader& header,
                               std::uint64_t position,
                               std::uint64_t file_number) const noexcept;
    [[nodiscard]] bool run_is_right(const WalGroupHeader& header, Bytes entries) const noexcept;
    [[nodiscard]] bool entries_are_right(Bytes entries) noexcept;
    void take(const FoundWalFile& file,
              std::uint64_t position,
              const WalGroupHeader& header,
              const WalDirectory::Window& window);
    [[nodiscard]] WalSlot& slot_of(const FoundWalFile& file) noexcept;

    WalDirectory& directory_;
    ReplayedWal& wal_;
    bool newer_format_ = false;
    bool entries_are_bad_ = false;
};

}  // namespace millrace::engine
