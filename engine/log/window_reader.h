// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Reads one stretch of a segment file into one buffer, with direct reads of 256 KiB of which at
// most four are in flight. A block that the device cannot read is left as zeros, so that the
// batches in it, and only they, fail their checksums.
#pragma once

#include "engine/log/io_gates.h"
#include "engine/log/log_state.h"
#include "engine/log/open_files.h"

#include <array>
#include <cstdint>

namespace millrace::engine {

inline constexpr std::uint32_t kReadBytesMax = 256 * 1024;
inline constexpr std::uint32_t kReadsInFlight = 4;

// Thread:      the shard's.
// Lifecycle:   start, done, take what was read; again.
class WindowReader {
public:
    WindowReader(LogContext& context, OpenFiles& files, IoGate& gate);
    WindowReader(const WindowReader&) = delete;
    WindowReader& operator=(const WindowReader&) = delete;

    // Reads `bytes` from `position` on, but nothing beyond what the segment holds now.
    // `done` runs later, never inside the call. Errors: damaged_range (the file cannot be opened),
    // no_room (no memory now), shutting_down or the failure of the logs.
    void start(LogState& log,
               Segment& segment,
               std::uint64_t position,
               std::uint64_t bytes,
               Completion done) noexcept;

    // After done: what was read, from `position` on, and the buffer it lies in.
    [[nodiscard]] Bytes bytes() const noexcept;

    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

    [[nodiscard]] bool has_unreadable_blocks() const noexcept { return unreadable_; }

    [[nodiscard]] const BufferRef& buffer() const noexcept { return buffer_; }

    [[nodiscard]] BufferRef take_buffer() noexcept { return std::move(buffer_); }

    void drop_buffer() noexcept { buffer_ = {}; }

private:
    struct Chunk {
        FileOp op;
        WindowReader* reader = nullptr;
        std::uint64_t end = 0;  // In the file, of what this chunk still has to read.
        bool busy = false;
        bool by_block = false;  // A longer read failed: find out which block it was.
    };

    void file_ready(Result<OpenFile*> file) noexcept;
    void next_chunks() noexcept;
    [[nodiscard]] bool make_buffer() noexcept;
    void submit(Chunk& chunk, std::uint64_t position, std::uint64_t length) noexcept;
    void chunk_done(Chunk& chunk) noexcept;
    void chunk_over(Chunk& chunk) noexcept;
    void finish_when_idle() noexcept;

    [[nodiscard]] std::byte* memory_of(std::uint64_t position) const noexcept {
        return buffer_->data + (position - begin_);
    }

    LogContext& context_;
    OpenFiles& files_;
    IoGate& gate_;
    OpenFile* file_ = nullptr;
    FileWaiter file_waiter_;
    GateWaiter gate_waiter_;
    Deferred no_memory_;
    std::array<Chunk, kReadsInFlight> chunks_;
    BufferRef buffer_;
    std::uint64_t position_ = 0;  // Asked for.
    std::uint64_t position_end_ = 0;
    std::uint64_t begin_ = 0;  // Whole blocks around it.
    std::uint64_t end_ = 0;
    std::uint64_t next_ = 0;  // Not submitted from here on.
    std::uint32_t busy_ = 0;
    bool unreadable_ = false;  // Some block of it.
    Result<void> outcome_;
    Completion done_;
};

}  // namespace millrace::engine
