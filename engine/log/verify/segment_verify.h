// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Verifies what files hold of one segment: every batch's header, checksum and offsets, and, once it
// is sealed, both index files against the batches. Reads past the caches, one window at a time, as
// fast as its pace lets it.
//
// Thread:      the shard's; a turn checks one window.
// Failure:     only the logs' own. What cannot be read is damage; where memory is short it waits.
#pragma once

#include "engine/format/index_check.h"
#include "engine/log/segment_walk.h"
#include "engine/log/window_reader.h"

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::engine {

// Bytes a second; shared by those that go at it together.
struct ScrubPace {
    std::uint64_t bytes_per_second = 0;  // 0: no limit.
    MonotonicTime next{};                // Nothing is read before.

    void spend(std::uint64_t bytes, MonotonicTime now) noexcept;
};

class SegmentVerify : public FileSteps<SegmentVerify> {
public:
    SegmentVerify(LogContext& context, OpenFiles& files, IoGate& gate, ScrubPace& pace);

    // Adds to `op`; `done` may run inside the call. The segment leaves its log: nothing of it is
    // damage, and `op` keeps what was right. Errors: shutting_down, the failure of the logs.
    void start(LogState& log, Segment& segment, VerifyOp& op, Completion done) noexcept;

    // Goes on if it waited and need not any more. Once per loop turn.
    void end_turn(MonotonicTime now) noexcept;

    // Ends at its next step, which is now if it waits.
    void give_up() noexcept;

    // When end_turn() has something to do; max(): a completion comes.
    [[nodiscard]] MonotonicTime next_deadline() const noexcept {
        return waiting_ ? wake_ : MonotonicTime::max();
    }

private:
    friend class FileSteps<SegmentVerify>;

    struct IndexFile {
        BufferRef buffer;
        std::uint64_t size = 0;
        std::string fault;

        [[nodiscard]] Bytes bytes() const noexcept {
            return buffer ? Bytes{buffer->data, size} : Bytes{};
        }
    };

    void measure_index() noexcept;
    void index_measured() noexcept;
    void index_opened() noexcept;
    void index_read() noexcept;
    void index_ready() noexcept;
    void begin_walk() noexcept;
    void walk_on() noexcept;
    void read_window() noexcept;
    void window_read(Result<void> outcome) noexcept;
    void note_damage(Offset end, std::uint64_t position) noexcept;
    void note_index_faults() noexcept;
    void note(DamagedRange&& range) noexcept;
    void walk_ended() noexcept;
    void wait_until(MonotonicTime wake) noexcept;
    void go_on() noexcept;
    void finish(Result<void> outcome) noexcept;
    [[nodiscard]] bool gone() const noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    OpenFiles& open_files_;
    ScrubPace& pace_;
    WindowReader reader_;
    SegmentWalk walk_;
    LogState* log_ = nullptr;
    SegmentHold segment_;
    VerifyOp* verify_ = nullptr;
    Completion done_;

    FilePath file_path_;
    FileHandle handle_ = FileHandle::none;
    IndexFile index_files_[2];
    std::size_t loading_ = 0;  // Which of the two; 2: both are there.
    IndexCheck index_;
    std::vector<IndexFault> faults_;
    std::vector<DamagedRange> found_;
    std::uint64_t found_in_all_ = 0;

    std::uint64_t bytes_end_ = 0;  // Of the segment, when the walk began; likewise the next.
    Offset end_;
    Offset expected_;              // First offset behind the last right batch.
    std::uint64_t sound_end_ = 0;  // Position there.
    std::string reason_;           // Of the damage that the walk is passing over.
    bool waiting_ = false;
    bool given_up_ = false;
    bool had_file_open_ = false;
    MonotonicTime wake_{};
};

}  // namespace millrace::engine
