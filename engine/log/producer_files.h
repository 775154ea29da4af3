// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Writes the snapshots of a log's producers, each named after the offset below which it knows
// everything: where a segment begins, every 16 MiB, and at a clean stop. They say what lies in
// segment files and no more, so that none of it can be lost behind them.
//
// Crash story: a snapshot counts once a checkpoint names it, which is after it is on stable
//              storage. One that no checkpoint names is removed with the other files of that kind.
#pragma once

#include "engine/log/producer_loads.h"
#include "engine/log/small_file.h"
#include "engine/log/unsynced_logs.h"

namespace millrace::engine {

// When a snapshot may be due.
enum class SnapshotMoment : std::uint8_t {
    run,       // Something was stored.
    boundary,  // A segment was sealed, or the broker stops.
};

// Thread:      the shard's.
class ProducerFiles : public FileSteps<ProducerFiles> {
public:
    // `unsynced` hears of what a checkpoint round has to sync; null: the caller syncs the folder.
    ProducerFiles(LogContext& context, ProducerLoads& loads, UnsyncedLogs* unsynced);

    [[nodiscard]] static bool due(const LogState& log, SnapshotMoment moment) noexcept;

    // Requires: due(); nothing is stored until `done`, which runs later. With `sync` the bytes are
    // on stable storage then. Errors: storage_full and no_room (nothing has changed, it stays
    // due), shutting_down (the log is being removed), the failure of the logs.
    void save(LogState& log, bool sync, Completion done) noexcept;

private:
    friend class FileSteps<ProducerFiles>;

    void write() noexcept;
    void written(Result<void> outcome) noexcept;
    void remove_needless() noexcept;
    void removed() noexcept;
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    ProducerLoads& loads_;
    UnsyncedLogs* unsynced_;
    SmallFileWriter file_;
    LogWaiter waiter_;
    Deferred write_;
    LogState* log_ = nullptr;
    Offset offset_;
    bool sync_ = false;
    Completion done_;
};

}  // namespace millrace::engine
