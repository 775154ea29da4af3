// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The files of a WAL directory as a start finds them, and reading them in windows.
//
// Thread:      one, before shards run; blocks.
// Memory:      windows lie in arena buffers and live as long as somebody refers to them.
#pragma once

#include "engine/arena.h"
#include "engine/buffer.h"
#include "engine/event_log.h"
#include "engine/format/wal_group.h"
#include "engine/result.h"
#include "engine/storage.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::engine {

struct FoundWalFile {
    std::uint32_t slot = 0;
    std::string path;
    std::uint64_t bytes = 0;  // As found; maybe no whole blocks.
    FileHandle handle = FileHandle::none;
    std::optional<WalGroupHeader> first;  // At block 0, if one is there.
};

class WalDirectory {
public:
    WalDirectory(Storage& storage, Arena& arena, EventLog& events, std::uint32_t directory);
    ~WalDirectory();
    WalDirectory(const WalDirectory&) = delete;
    WalDirectory& operator=(const WalDirectory&) = delete;

    // Opens every <slot>.wal; a directory that is not there has none. Errors: io_failed.
    [[nodiscard]] Result<void> open();

    // Ascending by slot.
    [[nodiscard]] const std::vector<FoundWalFile>& files() const noexcept { return files_; }

    [[nodiscard]] const FoundWalFile* find(std::uint32_t slot) const noexcept;

    struct Window {
        BufferRef buffer;
        std::byte* data = nullptr;  // At the position asked for.
        std::uint64_t bytes = 0;    // At least what was asked for, or what the file has.
    };

    // The bytes from `position` on, a whole block of the file; read at once with what follows.
    // Blocks that the device cannot read are zeros. Errors: io_failed (also for want of memory).
    [[nodiscard]] Result<Window> at(const FoundWalFile& file,
                                    std::uint64_t position,
                                    std::uint64_t bytes_min);

    // Errors: io_failed.
    [[nodiscard]] Result<void> sync(const FoundWalFile& file);

private:
    [[nodiscard]] Result<void> list();
    [[nodiscard]] Result<void> open_file(FoundWalFile& file);
    [[nodiscard]] Result<void> load(const FoundWalFile& file,
                                    std::uint64_t position,
                                    std::uint64_t bytes);
    [[nodiscard]] Result<std::uint64_t> read(const FoundWalFile& file,
                                             std::uint64_t position,
                                             std::byte* to,
                                             std::uint64_t bytes);
    [[nodiscard]] Result<void> read_blocks(const FoundWalFile& file,
                                           std::uint64_t position,
                                           std::byte* to,
                                           std::uint64_t bytes);
    [[nodiscard]] Error failed(std::string_view what, std::string_view path, std::int64_t result);

    Storage& storage_;
    Arena& arena_;
    EventLog& events_;
    std::string path_;
    std::vector<FoundWalFile> files_;

    BufferRef window_;
    const FoundWalFile* window_file_ = nullptr;
    std::uint64_t window_position_ = 0;
    std::uint64_t window_bytes_ = 0;
};

}  // namespace millrace::engine
