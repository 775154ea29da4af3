// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One shard's part of a checkpoint round: takes the rows of its logs, syncs what they name, and
// gives WAL entries up once the checkpoint is durable.
#pragma once

#include "engine/log/log_table.h"
#include "engine/log/shard_logs.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::engine {

class CheckpointRound;

// Syncs what changed of one log after the other.
class SyncWorker : public FileSteps<SyncWorker> {
public:
    SyncWorker(LogContext& context, OpenFiles& files, CheckpointRound& round);

    // Ends, with a call of the round's worker_ended(), when no log is left.
    void next() noexcept;

private:
    friend class FileSteps<SyncWorker>;

    void file_ready(Result<OpenFile*> file) noexcept;
    void file_synced() noexcept;
    void folder() noexcept;
    void folder_synced() noexcept;
    void log_over() noexcept;
    void stop(Error error) noexcept;

    OpenFiles& files_;
    CheckpointRound& round_;
    FileWaiter waiter_;
    LogState* log_ = nullptr;
    OpenFile* file_ = nullptr;
    bool sync_folder_ = false;
};

// Thread: the shard's.
class CheckpointRound : public FileSteps<CheckpointRound> {
public:
    CheckpointRound(LogContext& context,
                    LogTable& logs,
                    OpenFiles& files,
                    UnsyncedLogs& unsynced,
                    ReleaseCounts& releases);

    void prepare(PrepareOp& op);
    void durable() noexcept;
    void abandoned() noexcept;

    // Between prepare() and durable() or abandoned().
    [[nodiscard]] bool running() const noexcept { return running_; }

    // The log is being removed: its entries are given up, those that this round has promised when
    // the round ends.
    void forget(LogState& log) noexcept;

private:
    friend class FileSteps<CheckpointRound>;
    friend class SyncWorker;

    static constexpr std::size_t kWorkers = 4;

    void take_rows();
    void begin() noexcept;
    void filesystem_synced() noexcept;
    void sync_each() noexcept;
    [[nodiscard]] LogState* next_log() noexcept;
    void worker_ended() noexcept;
    void parents_synced() noexcept;
    void root_synced() noexcept;
    void take_releases(PrepareOp& op);
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    LogTable& logs_;
    UnsyncedLogs& unsynced_;
    ReleaseCounts& releases_;
    UnsyncedLogs syncing_;            // Those of this round.
    std::vector<LogState*> covered_;  // Those that the sync of the file system covers.
    std::array<std::unique_ptr<SyncWorker>, kWorkers> workers_;
    std::size_t working_ = 0;
    Deferred begin_;
    PrepareOp* op_ = nullptr;
    bool running_ = false;
    bool sync_parents_ = false;
    bool root_synced_ = false;
    std::vector<WalFileUse*> orphans_;  // Promised entries of logs that were removed since.
};

}  // namespace millrace::engine
