// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Stores one run of a log: batches of its tail, gathered and written to its segment file; before
// it, whatever is missing (folder, file, room), and behind it, whatever is due (index, seal).
#pragma once

#include "engine/log/folder_maker.h"
#include "engine/log/last_block_reader.h"
#include "engine/log/last_blocks.h"
#include "engine/log/producer_files.h"
#include "engine/log/release_counts.h"
#include "engine/log/run_buffers.h"
#include "engine/log/segment_removals.h"
#include "engine/log/segment_sealer.h"
#include "engine/log/unsynced_logs.h"

#include <array>
#include <cstdint>

namespace millrace::engine {

class RunJob;

// What runs work with.
struct RunParts {
    LogContext& context;
    OpenFiles& files;
    IndexCache& indexes;
    LastBlocks& last_blocks;
    ReleaseCounts& releases;
    Trash& trash;
    IoGate& write_gate;
    IoGate& read_gate;
    UnsyncedLogs& unsynced;
    ProducerLoads& producer_loads;
    SegmentRemovals& removals;
    std::uint32_t write_bytes_max = 0;
    void (*ended)(void* owner, RunJob& job, LogState& log, Result<void> outcome) noexcept = nullptr;
    void* ended_owner = nullptr;
};

// Thread:      the shard's.
// Errors:      storage_full, no_room: nothing was stored, the run may be tried again. Others are
//              final; the logs have failed.
class RunJob : public FileSteps<RunJob> {
public:
    explicit RunJob(const RunParts& parts);

    // Stores at most `bytes_max`, or one batch. Returns how many bytes that will be. `ended` runs
    // later, never inside the call.
    // Requires: log.dirty(), no other run of it.
    std::uint64_t start(LogState& log, std::uint64_t bytes_max) noexcept;

    RunJob* next_free = nullptr;

private:
    friend class FileSteps<RunJob>;

    static constexpr std::size_t kWritesInFlight = 2;

    struct WriteSlot {
        FileOp op;
        RunJob* job = nullptr;
        bool busy = false;
    };

    [[nodiscard]] bool seal_due() const noexcept;
    void plan(std::uint64_t bytes_max) noexcept;
    void folder_ready(Result<void> outcome) noexcept;
    void file_ready(Result<OpenFile*> file) noexcept;
    void make_room() noexcept;
    void room_made() noexcept;
    void prepare_last_block() noexcept;
    void last_block_read(Result<void> outcome) noexcept;
    void gather(BufferRef last_block) noexcept;
    void submit_writes() noexcept;
    void write_done(WriteSlot& slot) noexcept;
    void stored() noexcept;
    void note_batches() noexcept;
    void note_producers() noexcept;
    void index_saved(Result<void> outcome) noexcept;
    void seal() noexcept;
    void sealed(Result<void> outcome) noexcept;
    void save_producers(SnapshotMoment moment) noexcept;
    void producers_saved(Result<void> outcome) noexcept;
    void finish(Result<void> outcome) noexcept;

    void stop(Error error) noexcept { finish(std::unexpected(error)); }

    RunParts parts_;
    FolderMaker folder_;
    LastBlockReader last_block_;
    IndexFiles index_files_;
    SegmentSealer sealer_;
    ProducerFiles producer_files_;
    RunBuffers buffers_;
    std::array<WriteSlot, kWritesInFlight> writes_;
    RunBuffers::Write waiting_write_;
    GateWaiter gate_waiter_;
    FileWaiter file_waiter_;
    Deferred deferred_;

    LogState* log_ = nullptr;
    Segment* segment_ = nullptr;
    OpenFile* file_ = nullptr;
    std::uint64_t bytes_ = 0;       // Of this run.
    Offset end_;                    // One above its last record.
    std::uint64_t file_bytes_ = 0;  // Being made.
    std::uint32_t writing_ = 0;
};

}  // namespace millrace::engine
