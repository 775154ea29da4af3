// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Compaction of the logs of a shard: every 15 seconds it looks for those that their settings want
// compacted, the dirtiest first, and one after the other goes through them. Whoever asks for a log
// is served before. Time is that of the guarded clock and of the wall clock; where they disagree,
// nothing goes that one of them would keep.
//
// Thread:      the shard's.
// Bounds:      one pass at a time.
#pragma once

#include "engine/log/compaction/compaction_pass.h"

#include <cstdint>
#include <vector>

namespace millrace::engine {

class Flusher;
class LogImpl;
class LogTable;

class Compactions {
public:
    Compactions(const CompactionParts& parts, LogTable& logs, Flusher& flusher);

    // A log has this configuration from now on.
    void config_changed(const LogConfig& config) noexcept;

    // All of the log that may be compacted now; segments that are only waiting to be stored are
    // stored first.
    void request(LogState& log, CompactOp& op) noexcept;

    // The log is being removed: who has asked for it hears of it.
    void forget(LogState& log, Error error) noexcept;
    void fail(Error error) noexcept;

    // Begins no pass any more; see stopped().
    void stop() noexcept;

    // No pass works on a log, but for one whose new segments the next round will name.
    [[nodiscard]] bool stopped() const noexcept { return pass_.idle() || pass_.swapping(); }

    // Begins what may begin. Once per loop turn.
    void end_turn() noexcept;
    [[nodiscard]] MonotonicTime next_deadline() const noexcept;

private:
    struct Request {
        LogState* log = nullptr;
        CompactOp* op = nullptr;
        bool passed = false;  // One pass at least went over it.
    };

    [[nodiscard]] bool start_requested() noexcept;
    [[nodiscard]] bool serve(std::size_t index) noexcept;
    [[nodiscard]] bool waits_for_storing(const Request& request) const noexcept;
    void look_for_dirty() noexcept;
    [[nodiscard]] bool may_start(const LogState& log) const noexcept;
    [[nodiscard]] CompactionPass::Times times() noexcept;
    void start(LogState& log, const CompactionRange& range) noexcept;
    void pass_ended(Result<void> outcome) noexcept;
    void count(Result<void> outcome) noexcept;
    void report(const LogState& log, Result<void> outcome) noexcept;
    void answer(std::size_t index, Result<void> outcome) noexcept;

    LogContext& context_;
    SegmentSwaps& swaps_;
    LogTable& logs_;
    Flusher& flusher_;
    CompactionPass pass_;
    LogState* passing_ = nullptr;  // The pass's.
    std::vector<Request> requests_;
    std::vector<CompactOp*> answered_;  // To be told with the next turn.
    bool wanted_ = false;               // Some log is compacted.
    bool stopping_ = false;
    MonotonicTime next_look_;
};

}  // namespace millrace::engine
