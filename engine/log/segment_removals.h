// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Segments that lie wholly below their log's start: out of the log at once, and their files away
// once nobody works with them: unlinked, then the folder synced. Reads that are under way there are
// told that the log start has passed them.
//
// Requires:    the log start is durable.
// Crash story: a checkpoint may still name a segment whose files are gone: the log start, which
//              comes with it, takes it out again. Files that come back are named by nothing; the
//              next run that stores something in the log removes them.
#pragma once

#include "engine/log/index_cache.h"
#include "engine/log/last_blocks.h"
#include "engine/log/open_files.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::engine {

class SegmentRemovals;

// A segment that has left its log.
struct RemovedSegment {
    LogState* log = nullptr;
    std::unique_ptr<Segment> segment;
};

// Unlinks the files of several segments of one log.
class RemovalWorker : public FileSteps<RemovalWorker> {
public:
    RemovalWorker(LogContext& context, SegmentRemovals& removals)
            : FileSteps(context), removals_(removals) {}

    // Requires: idle(); one log's, not none, and nobody works with them.
    void start(std::vector<RemovedSegment>&& segments) noexcept;

    [[nodiscard]] bool idle() const noexcept { return segments_.empty(); }

private:
    friend class FileSteps<RemovalWorker>;

    void next_file() noexcept;
    void next_suffix() noexcept;
    void unlinked() noexcept;
    void folder_synced() noexcept;
    void finish() noexcept;

    void stop(Error /*error*/) noexcept { finish(); }

    [[nodiscard]] LogState& log() const noexcept { return *segments_.front().log; }

    SegmentRemovals& removals_;
    std::vector<RemovedSegment> segments_;
    std::size_t segment_ = 0;  // Whose files go now; likewise the next.
    std::size_t suffix_ = 0;
};

// Thread: the shard's.
class SegmentRemovals {
public:
    SegmentRemovals(LogContext& context,
                    OpenFiles& files,
                    IndexCache& indexes,
                    LastBlocks& last_blocks);
    ~SegmentRemovals();
    SegmentRemovals(const SegmentRemovals&) = delete;
    SegmentRemovals& operator=(const SegmentRemovals&) = delete;

    // Takes segments out that may go: all that is in them is stored and lies below the log start,
    // and no run writes to them. To be called again when a run of the log has ended.
    void look(LogState& log) noexcept;

    // Begins what may begin. Once per loop turn.
    void end_turn() noexcept;

    // Some that have left their log wait for an end_turn().
    [[nodiscard]] bool wants_turn() const noexcept;

private:
    friend class RemovalWorker;

    static constexpr std::size_t kWorkers = 2;

    [[nodiscard]] static bool may_go(LogState& log) noexcept;
    // Of the first log that has some; those that somebody works with stay.
    [[nodiscard]] std::vector<RemovedSegment> take_free();
    void give_up() noexcept;
    void forget(RemovedSegment& removed) noexcept;

    LogContext& context_;
    OpenFiles& files_;
    IndexCache& indexes_;
    LastBlocks& last_blocks_;
    std::vector<RemovedSegment> removed_;
    std::array<std::unique_ptr<RemovalWorker>, kWorkers> workers_;
    bool news_ = false;  // Since the last turn something was added or a worker has ended.
};

}  // namespace millrace::engine
