// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Writes a small file with direct I/O and leaves it at its exact length: whole blocks into room
// made before, then cut. For partition.metadata, leader-epoch-checkpoint and index files.
#pragma once

#include "engine/log/file_steps.h"

#include <cstdint>

namespace millrace::engine {

struct SmallFile {
    FilePath path;
    FilePath path_final{};       // Renamed to it at the end; empty: not renamed.
    std::uint64_t position = 0;  // What the file holds below it stays; a whole block.
    std::uint64_t length = 0;    // Of the file in the end.
    bool sync = false;
};

// Errors:      storage_full (nothing of use was written; may be tried again). Others are final:
//              the logs have failed.
class SmallFileWriter : public FileSteps<SmallFileWriter> {
public:
    explicit SmallFileWriter(LogContext& context) : FileSteps(context) {}

    // Memory for the bytes from `position` to `length`, zeroed up to whole blocks; to be filled
    // before start(). Null: the arena is used up.
    [[nodiscard]] std::byte* prepare(const SmallFile& file) noexcept;

    void start(Completion done) noexcept;

private:
    friend class FileSteps<SmallFileWriter>;

    void opened() noexcept;
    void room_made() noexcept;
    void written() noexcept;
    void cut() noexcept;
    void synced() noexcept;
    void closed() noexcept;
    void renamed() noexcept;
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    [[nodiscard]] std::uint64_t block_bytes() const noexcept;

    SmallFile file_;
    BufferRef buffer_;
    FileHandle handle_ = FileHandle::none;
    bool full_ = false;
    Completion done_;
};

}  // namespace millrace::engine
