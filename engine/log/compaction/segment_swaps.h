// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Puts segments that compaction has made into the place of those that they were made of.
//
// Crash story: what decides is the checkpoint, which names segments by their rows. The files of a
//              new segment are written beside the old ones, under their names with kSwapSuffix, and
//              synced. Then the log goes on with the new segment, whose row says `swapping`, and a
//              round is asked for. Until both slots have that row no file of the old segments is
//              touched: a crash finds them as they were, and the others are left files. From then
//              on the old ones are named by nobody; the new files are renamed over theirs, and the
//              others go. A crash meanwhile, or any part of it that did not last, leaves each new
//              file under one of its two names, and a segment that is `swapping` is looked for
//              under both, the suffix first. The next run does the rest again. Only a round that
//              no longer says `swapping` makes the names with the suffix free for a new pass.
// Readers:     the log's generation rises with the swap: what reads the log begins anew in the new
//              segment. Names of old files change hands only when nobody works with them.
#pragma once

#include "engine/log/file_steps.h"
#include "engine/log/index_cache.h"
#include "engine/log/log_state.h"
#include "engine/log/open_files.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace millrace::engine {

class SegmentRemovals;

// A new segment whose files are complete and synced, names included, and what it was made of: a
// row of neighbours in the log's segments.
struct Replacement {
    std::unique_ptr<Segment> made;
    std::vector<Segment*> sources;
    std::unique_ptr<SegmentIndex> index;
};

// Several replacements in one log that become durable with one round.
struct SwapBatch {
    enum class Stage : std::uint8_t { unnamed, in_round, named, finishing };

    struct Swap {
        Offset base;
        Offset end;
        std::vector<std::unique_ptr<Segment>> old;  // None: found by recovery.
    };

    LogState* log = nullptr;
    std::vector<Swap> swaps;
    Stage stage = Stage::unnamed;
    bool recovered = false;
    Completion done;
};

// Gives the new files their names and takes the old ones away, one batch after the other.
class SwapFinisher : public FileSteps<SwapFinisher> {
public:
    explicit SwapFinisher(LogContext& context) : FileSteps(context) {}

    // Errors: storage_full (to be done again later), shutting_down (the log is being removed), the
    // failure of the logs.
    void start(SwapBatch& batch, Completion done) noexcept;

    [[nodiscard]] bool idle() const noexcept { return batch_ == nullptr; }

private:
    friend class FileSteps<SwapFinisher>;

    void next_rename() noexcept;
    void renamed() noexcept;
    void second_name_gone() noexcept;
    void next_suffix() noexcept;
    void list_old() noexcept;
    void listed() noexcept;
    void next_unlink() noexcept;
    void unlinked() noexcept;
    void folder_synced() noexcept;
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    [[nodiscard]] bool is_old(std::string_view name) const noexcept;
    void add_old(Offset base, std::string_view suffix);

    SwapBatch* batch_ = nullptr;
    std::size_t swap_ = 0;
    std::size_t suffix_ = 0;
    std::vector<std::string> unlinks_;  // Names in the folder.
    Completion done_;
};

// Thread: the shard's.
class SegmentSwaps {
public:
    SegmentSwaps(LogContext& context,
                 OpenFiles& files,
                 IndexCache& indexes,
                 SegmentRemovals& removals);
    SegmentSwaps(const SegmentSwaps&) = delete;
    SegmentSwaps& operator=(const SegmentSwaps&) = delete;

    // The log goes on with the new segments. `done` runs when the old files are gone, never inside
    // the call; errors: shutting_down, the failure of the logs.
    // Requires: may_replace() of each.
    void replace(LogState& log, std::vector<Replacement>&& replacements, Completion done);

    // Its sources are still neighbours in the log.
    [[nodiscard]] static bool may_replace(LogState& log, const Replacement& replacement) noexcept;

    // A log as recovery found it: finishes what an earlier run has begun.
    void adopt(LogState& log);

    // The log needs a round before another pass may begin.
    void want_settled(const LogState& log) noexcept {
        wants_settled_ = wants_settled_ || log.compaction().unsettled;
    }

    // Of the checkpoint round that is under way.
    void rows_taken() noexcept;
    void round_durable() noexcept;
    void round_abandoned() noexcept;

    // A round is needed.
    [[nodiscard]] bool wants_round() const noexcept;

    // The log is being removed.
    void forget(LogState& log) noexcept;

    // Begins what may begin. Once per loop turn.
    void end_turn() noexcept;

    [[nodiscard]] MonotonicTime next_deadline() const noexcept;

private:
    struct Unsettled {
        LogState* log = nullptr;
        bool in_round = false;
    };

    void start_finisher() noexcept;
    void finished(Result<void> outcome) noexcept;
    void end_batch(SwapBatch& batch, Result<void> outcome) noexcept;
    [[nodiscard]] bool may_start(const SwapBatch& batch) const noexcept;
    [[nodiscard]] static bool is_free(const SwapBatch& batch) noexcept;

    LogContext& context_;
    OpenFiles& files_;
    IndexCache& indexes_;
    SegmentRemovals& removals_;
    SwapFinisher finisher_;
    std::deque<std::unique_ptr<SwapBatch>> batches_;
    std::vector<Unsettled> unsettled_;
    bool wants_settled_ = false;
    MonotonicTime retry_at_{};  // There was no room.
};

}  // namespace millrace::engine
