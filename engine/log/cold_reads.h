// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Reads of what no tail holds any more: found by the sparse index, read by large direct reads,
// every batch checked, handed out as slices of the read buffers. What the tail has behind it
// follows in the same answer.
//
// Thread:      the shard's.
// Errors:      damaged_range for offsets whose bytes are missing or fail their checks; their
//              neighbours stay readable. offset_out_of_range when the log start has passed the
//              offset while it was being read.
#pragma once

#include "engine/log/index_loader.h"
#include "engine/log/read_ahead.h"
#include "engine/log/read_cursors.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::engine {

class ColdReads;

// One read; pooled.
class ColdRead {
public:
    ColdRead(ColdReads& owner, const ReadParts& parts);

    // complete: a window read ahead had it all.
    [[nodiscard]] ReadStatus start(LogState& log, ReadOp& op) noexcept;

    // The log is being removed, or all logs have failed: the caller hears of it now.
    void give_up(Error error) noexcept;

    [[nodiscard]] LogState* log() const noexcept { return op_ == nullptr ? nullptr : log_; }

    ColdRead* next = nullptr;  // The pool's.

private:
    void locate() noexcept;
    void index_ready(Result<void> outcome) noexcept;
    void walk_from(const ReadCursors::Place& place) noexcept;
    void walk_from_index() noexcept;
    void read_window() noexcept;
    void window_read(Result<void> outcome) noexcept;
    void window_ready(ReadWindow&& window) noexcept;
    void walk_on() noexcept;
    [[nodiscard]] bool take(const BatchView& batch) noexcept;
    void deliver() noexcept;
    void keep_cursor() noexcept;
    void finish(Result<void> outcome) noexcept;
    void end_job() noexcept;
    [[nodiscard]] bool ended_by_log_start() noexcept;

    ColdReads& owner_;
    ReadParts parts_;
    IndexLoader loader_;
    WindowReader reader_;
    WindowWaiter ahead_waiter_;
    ReadWindow window_;
    SegmentWalk walk_;
    LogState* log_ = nullptr;
    SegmentHold segment_;
    ReadOp* op_ = nullptr;  // Null: nobody waits for it any more.
    std::uint64_t generation_ = 0;
    Offset limit_;
    bool starting_ = false;             // Inside start(): `done` must not run.
    bool goes_on_ = false;              // Where an earlier read ended.
    bool rebuilt_ = false;              // The index was made anew for this read.
    const std::byte* taken_ = nullptr;  // In the window.
    std::uint32_t taken_bytes_ = 0;
    std::uint64_t taken_end_ = 0;  // Position in the file behind it.
    Offset next_offset_;
    bool fits_ = true;  // False: the first batch is beyond the limit or too large.
};

class ColdReads {
public:
    explicit ColdReads(const ReadParts& parts) : parts_(parts), ahead_(parts) {}

    // Answers pending. Requires: op.from is stored, and below op.limit and the log's end.
    [[nodiscard]] ReadStatus start(LogState& log, ReadOp& op);

    // Reads of this log end with the error.
    void forget(LogState& log, Error error) noexcept;
    void fail(Error error) noexcept;

    [[nodiscard]] ReadAhead& read_ahead() noexcept { return ahead_; }

    [[nodiscard]] const ReadAhead& read_ahead() const noexcept { return ahead_; }

private:
    friend class ColdRead;

    ReadParts parts_;
    ReadCursors cursors_;
    ReadAhead ahead_;
    std::vector<std::unique_ptr<ColdRead>> reads_;
    ColdRead* free_ = nullptr;
};

}  // namespace millrace::engine
