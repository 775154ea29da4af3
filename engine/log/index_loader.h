// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Brings a segment's index into memory, complete: from its files as far as they can be right, and
// from the log where they are missing, wrong or short.
#pragma once

#include "engine/log/index_cache.h"
#include "engine/log/segment_walk.h"
#include "engine/log/window_reader.h"

#include <cstdint>
#include <string_view>

namespace millrace::engine {

// True when nothing needs to be loaded.
[[nodiscard]] inline bool index_is_complete(const Segment& segment) noexcept {
    return segment.index != nullptr && segment.index->covered_bytes() == segment.bytes;
}

// Thread: the shard's.
class IndexLoader : public FileSteps<IndexLoader> {
public:
    IndexLoader(LogContext& context, OpenFiles& files, IoGate& gate, IndexCache& cache)
            : FileSteps(context), cache_(cache), reader_(context, files, gate) {}

    // On success the index is complete and pinned: the caller decrements segment.index_pins.
    // `from_files` false: the files are known to be wrong. Several may ask for one segment at once.
    // Requires: the index is not complete, or not to be taken from the files.
    // Errors: no_room, shutting_down (the log is being removed), the failure of the logs.
    void start(LogState& log, Segment& segment, bool from_files, Completion done) noexcept;

private:
    friend class FileSteps<IndexLoader>;

    struct FileBytes {
        BufferRef buffer;
        std::uint64_t size = 0;

        [[nodiscard]] Bytes bytes() const noexcept {
            return buffer ? Bytes{buffer->data, size} : Bytes{};
        }
    };

    void begin() noexcept;
    void load_file(std::string_view suffix) noexcept;
    void file_measured() noexcept;
    void file_opened() noexcept;
    void file_read() noexcept;
    void file_loaded() noexcept;
    void begin_walk() noexcept;
    void walk_on() noexcept;
    void read_window() noexcept;
    void window_read(Result<void> outcome) noexcept;
    void wake(Result<void> outcome) noexcept;
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    IndexCache& cache_;
    WindowReader reader_;
    LogState* log_ = nullptr;
    Segment* segment_ = nullptr;
    FilePath file_path_;
    FileHandle handle_ = FileHandle::none;
    FileBytes files_[2];
    std::size_t loading_ = 0;  // Which of the two.
    SegmentWalk walk_;
    bool from_files_ = true;
    Offset expected_;                     // First offset of the next batch.
    IndexLoader* next_waiter_ = nullptr;  // Those that wait for this one.
    Completion done_;
};

}  // namespace millrace::engine
