// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One pass of compaction over one log: reads the dirty part for the last offset of every key, as
// far as memory goes; then reads all segments up to there again and writes what is left of them;
// then has them replaced. Window by window: one is read, computed on a thread of the pool, and
// written before the next one is read.
//
// Thread:      the shard's; computing, see CleaningWork.
// Memory:      the key map, one window, and what it is opened and cleaned to.
// Damage:      a segment that is not whole ends the pass, and stays as it is.
#pragma once

#include "engine/log/compaction/cleaning_work.h"
#include "engine/log/compaction/compaction_plan.h"
#include "engine/log/compaction/compaction_rate.h"
#include "engine/log/compaction/segment_output.h"
#include "engine/log/compaction/segment_swaps.h"
#include "engine/log/producer_loads.h"
#include "engine/log/window_reader.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::engine {

struct CompactionParts {
    LogContext& context;
    OpenFiles& files;
    IoGate& read_gate;
    ProducerLoads& producer_loads;
    SegmentSwaps& swaps;
    CompactionRate& rate;
    std::uint64_t map_bytes = 0;
};

class CompactionPass : public FileSteps<CompactionPass> {
public:
    explicit CompactionPass(const CompactionParts& parts);
    ~CompactionPass();

    // What guarded time and wall time say, whichever is behind and whichever is ahead.
    struct Times {
        TimestampMs early = 0;
        TimestampMs late = 0;
    };

    // `done` runs later, never inside the call. Errors: as CompactOp's. What was replaced before an
    // error stays so.
    // Requires: idle(); the range is the log's now and not empty; the log is settled and not busy,
    // and no left files are being removed from its folder.
    void start(LogState& log, const CompactionRange& range, Times times, Completion done) noexcept;

    // Ends it where nothing is lost; when the log has been told of new segments already, `done`
    // comes with them.
    void give_up() noexcept { given_up_ = true; }

    [[nodiscard]] bool idle() const noexcept { return log_ == nullptr; }

    // Its new segments wait for a round.
    [[nodiscard]] bool swapping() const noexcept { return swapping_; }

    [[nodiscard]] const LogState* log() const noexcept { return log_; }

    // After done.
    [[nodiscard]] const CompactionCounts& counts() const noexcept { return counts_; }

    [[nodiscard]] std::uint64_t tombstones_removed() const noexcept { return tombstones_removed_; }

    [[nodiscard]] std::uint64_t unreadable_batches() const noexcept { return unreadable_batches_; }

    // Memory for keys ran out before everything dirty was gone over.
    [[nodiscard]] bool has_more() const noexcept { return has_more_; }

    // Goes on with what waits for its time. Once per loop turn.
    void end_turn() noexcept;
    [[nodiscard]] MonotonicTime next_deadline() const noexcept;

private:
    friend class FileSteps<CompactionPass>;

    enum class Phase : std::uint8_t { mapping, cleaning };

    // Neighbours that become one segment.
    struct Target {
        std::vector<Segment*> sources;
    };

    void hold_segments(const CompactionRange& range);
    void let_go(const std::vector<Segment*>& segments) noexcept;
    void producers_ready() noexcept;
    void begin_source() noexcept;
    void source_over() noexcept;
    void begin_cleaning() noexcept;
    void choose_targets();
    void begin_target() noexcept;
    void output_opened(Result<void> outcome) noexcept;

    void wait_until(MonotonicTime when, void (CompactionPass::*next)() noexcept) noexcept;
    void next_window() noexcept;
    void read_window() noexcept;
    void window_read(Result<void> outcome) noexcept;
    void window_done() noexcept;
    void write_target() noexcept;
    void target_written(Result<void> outcome) noexcept;
    void close_target() noexcept;
    void target_closed(Result<void> outcome) noexcept;
    void target_over() noexcept;
    void names_synced() noexcept;
    void swapped(Result<void> outcome) noexcept;

    [[nodiscard]] bool ends_early() noexcept;
    void fail_pass(Error error) noexcept;
    void output_abandoned(Result<void> outcome) noexcept;
    void remove_next() noexcept;
    void removed_file() noexcept;
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept;

    [[nodiscard]] Segment& source() const noexcept;

    CompactionParts parts_;
    WindowReader reader_;
    SegmentOutput output_;
    LogWaiter producers_waiter_;
    Deferred begin_;
    std::unique_ptr<CleaningWork> work_;

    LogState* log_ = nullptr;
    Completion done_;
    Times times_;
    Offset dirty_from_;
    Offset map_end_;
    bool given_up_ = false;
    bool swapping_ = false;
    bool has_more_ = false;
    Phase phase_ = Phase::mapping;
    std::vector<Segment*> held_;
    std::size_t source_ = 0;  // In held_, or in the target's sources.
    std::vector<Target> targets_;
    std::size_t target_ = 0;
    std::vector<Replacement> made_;
    std::uint64_t made_bytes_ = 0;
    std::vector<Offset> remove_;  // Bases of files that nothing will name.
    std::size_t remove_suffix_ = 0;
    Result<void> outcome_;
    CompactionCounts counts_;
    std::uint64_t tombstones_removed_ = 0;
    std::uint64_t unreadable_batches_ = 0;

    MonotonicTime resume_at_ = MonotonicTime::max();
    void (CompactionPass::*resume_)() noexcept = nullptr;
};

}  // namespace millrace::engine
