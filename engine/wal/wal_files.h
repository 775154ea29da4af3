// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The files of one WAL directory as values: which are live, which may be written over, where the
// next group goes. Does no I/O.
//
// Thread:      its shard's loop.
// Invariant:   file numbers of live files ascend by one; the last of them is the current one.
#pragma once

#include "engine/format/checkpoint.h"
#include "engine/storage.h"
#include "engine/wal/wal_appender.h"
#include "engine/wal/wal_replay.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace millrace::engine {

struct WalOptions;
class WalListener;

// wal/<directory> and wal/<directory>/<slot>.wal
[[nodiscard]] std::string wal_directory_path(std::uint32_t directory);
[[nodiscard]] std::string wal_file_path(std::uint32_t directory, std::uint32_t slot);

struct WalFile {
    std::unique_ptr<WalFileUse> use;
    std::uint32_t slot = 0;
    std::string path;
    std::uint64_t capacity = 0;  // Whole blocks.

    // How far it has been made ready; see WalFrontier.
    FileHandle handle = FileHandle::none;
    bool sized = false;   // Its size is `capacity` or somewhat more.
    bool linked = false;  // Its directory entry is durable.
    std::uint64_t allocated = 0;
    std::uint64_t zeros_written = 0;
    std::uint64_t zeroed = 0;  // The frontier: below it every block was written and flushed.

    std::optional<WalPosition> first;  // Where its first group begins.

    // Bytes from its start that groups may be written to. A file that replay found holds written
    // blocks before this run has opened it.
    [[nodiscard]] std::uint64_t ready_bytes() const noexcept {
        return handle != FileHandle::none && sized && linked ? zeroed : 0;
    }
};

class WalFiles {
public:
    WalFiles(const WalOptions& options, ReplayedWal&& found);

    [[nodiscard]] WalFile& current() noexcept { return *live_.back(); }

    [[nodiscard]] const WalFile& current() const noexcept { return *live_.back(); }

    // The file after the current one, being made ready; null: none yet.
    [[nodiscard]] WalFile* next() noexcept { return next_.get(); }

    [[nodiscard]] const WalFile* next() const noexcept { return next_.get(); }

    // Byte in the current file where the next group goes.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

    void take(std::uint64_t group_bytes) noexcept;

    // A file that may be written over, or one that is not there yet, becomes next().
    void choose_next();
    void switch_to_next();

    // Bytes from the oldest live file to the position.
    [[nodiscard]] std::uint64_t live_bytes() const noexcept { return closed_bytes_ + position_; }

    // What they would be if a group of that many bytes were taken.
    [[nodiscard]] std::uint64_t live_bytes_with(std::uint64_t group_bytes) const noexcept;

    // True when a group of that many bytes goes into the next file.
    [[nodiscard]] bool must_switch(std::uint64_t group_bytes) const noexcept;

    // Zeroed bytes that a group of that size, and what follows it, could lie in.
    [[nodiscard]] std::uint64_t prepared_bytes(std::uint64_t group_bytes) const noexcept;

    // The first group of the oldest file that would still hold entries.
    [[nodiscard]] std::optional<WalPosition> oldest_needed(
            std::span<const WalRelease> releases) const;

    // Returns how many live files were let go; each was told to `listener` first.
    std::uint32_t recycle_before(std::uint64_t file_number, WalListener& listener) noexcept;

private:
    [[nodiscard]] std::unique_ptr<WalFile> make_file(std::uint32_t slot) const;
    [[nodiscard]] std::uint32_t unused_slot() const noexcept;

    std::uint32_t directory_;
    std::uint64_t file_bytes_;
    std::uint64_t position_ = 0;
    std::uint64_t closed_bytes_ = 0;              // Of live files before the current one.
    std::vector<std::unique_ptr<WalFile>> live_;  // Ascending; never empty.
    std::vector<std::unique_ptr<WalFile>>
            retired_;  // Not live, but an older checkpoint may need it.
    std::vector<std::unique_ptr<WalFile>> free_;
    std::unique_ptr<WalFile> next_;
};

}  // namespace millrace::engine
