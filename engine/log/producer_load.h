// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Brings the producers of a log back into memory: its snapshot, then the headers of the batches
// behind it, in segment files and in the tail.
//
// Crash story: a snapshot that is missing or damaged costs time only. Then an older one is taken,
//              of a segment's beginning, at last none, and more batches are read.
// Damage:      batches that cannot be read are passed over and said. What their producers send next
//              is either one of those batches, which nobody can read, or refused for the gap.
#pragma once

#include "engine/log/index_loader.h"
#include "engine/log/log_producers.h"
#include "engine/log/read_ahead.h"

#include <cstdint>
#include <memory>

namespace millrace::engine {

// Thread: the shard's.
class ProducerLoad : public FileSteps<ProducerLoad> {
public:
    explicit ProducerLoad(const ReadParts& parts);

    // On success log.producers.table is set. `done` runs later, never inside the call. Errors:
    // no_room (try again), shutting_down (the log is being removed), the failure of the logs.
    // Requires: the log has no table; one load of it at a time.
    void start(LogState& log, Completion done) noexcept;

    // Not at work.
    [[nodiscard]] bool idle() const noexcept { return log_ == nullptr; }

private:
    friend class FileSteps<ProducerLoad>;

    void begin() noexcept;
    void measure_snapshot() noexcept;
    void snapshot_measured() noexcept;
    void snapshot_opened() noexcept;
    void snapshot_read() noexcept;
    void snapshot_closed() noexcept;
    void take_older_snapshot() noexcept;
    void next_segment() noexcept;
    void index_ready(Result<void> outcome) noexcept;
    void walk(std::uint64_t position, std::optional<Offset> last) noexcept;
    void walk_on() noexcept;
    void read_window() noexcept;
    void window_read(Result<void> outcome) noexcept;
    void report_damage() noexcept;
    void report(std::string_view what, std::string_view text, Offset offset) noexcept;
    void replay_tail();
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    ReadParts parts_;
    IndexLoader loader_;
    WindowReader reader_;
    SegmentWalk walk_;
    Deferred begin_;
    std::unique_ptr<ProducerTable> table_;
    LogState* log_ = nullptr;
    SegmentHold segment_;
    FilePath snapshot_path_;
    BufferRef buffer_;
    std::uint64_t snapshot_bytes_ = 0;
    FileHandle handle_ = FileHandle::none;
    Offset at_;        // Everything below is in the table.
    Offset walk_end_;  // What the walk under way was told.
    Offset seen_end_;  // One above the last record that the walk has seen.
    bool rebuilt_ = false;
    bool said_snapshot_ = false;
    bool said_damage_ = false;
    Completion done_;
};

}  // namespace millrace::engine
