// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Writes the files of a segment that compaction makes, under names with kSwapSuffix: the log piece
// by piece as it is computed, then its indexes.
//
// Crash story: nothing names these files before they are complete and synced. What a crash leaves
//              of them is written over by the next pass or removed with other left files.
#pragma once

#include "engine/log/file_steps.h"
#include "engine/log/segment_index.h"
#include "engine/log/small_file.h"

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::engine {

// Thread:      the shard's.
// Lifecycle:   open, write any number of times, close; again. After an error: nothing, but abandon.
// Errors:      storage_full, no_room (nothing of use was written); others are final: the logs have
//              failed.
class SegmentOutput : public FileSteps<SegmentOutput> {
public:
    explicit SegmentOutput(LogContext& context) : FileSteps(context), small_file_(context) {}

    void open(const std::string& directory, Offset base, Completion done) noexcept;

    // Takes whole blocks from the front of `pending`; with `all` everything.
    void write(std::vector<std::byte>& pending, bool all, Completion done) noexcept;

    // Exact length, indexes, everything synced but the names.
    void close(const SegmentIndex& index, Completion done) noexcept;

    // Closes the file if it is open.
    void abandon(Completion done) noexcept;

    // Of what write() has taken.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

    [[nodiscard]] bool is_open() const noexcept { return handle_ != FileHandle::none; }

private:
    friend class FileSteps<SegmentOutput>;

    void made_free() noexcept;
    void opened() noexcept;
    void next_piece() noexcept;
    void room_made() noexcept;
    void piece_written() noexcept;
    void cut() noexcept;
    void log_synced() noexcept;
    void log_closed() noexcept;
    void offsets_saved(Result<void> outcome) noexcept;
    void times_saved(Result<void> outcome) noexcept;
    void abandoned() noexcept;
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    [[nodiscard]] FilePath path(std::string_view suffix) const noexcept;

    SmallFileWriter small_file_;
    const std::string* directory_ = nullptr;
    Offset base_;
    FileHandle handle_ = FileHandle::none;
    std::uint64_t bytes_ = 0;
    std::vector<std::byte>* pending_ = nullptr;
    std::size_t taken_ = 0;  // Of what is pending.
    std::size_t piece_ = 0;
    bool all_ = false;
    BufferRef buffer_;
    const SegmentIndex* index_ = nullptr;
    Completion done_;
};

}  // namespace millrace::engine
