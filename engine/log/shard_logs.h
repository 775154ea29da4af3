// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// All partition logs of one shard, with what they share: flusher, open files, read buffers.
//
// Lifecycle:   made by its shard's engine before the first log is opened. Before destruction:
//              flush_all() or fail(), then completions run until idle() answers true.
// Thread:      its shard's loop, for calls and completions alike.
// Durability:  a row of a checkpoint names only what lay in synced files when it was made.
#pragma once

#include "engine/arena.h"
#include "engine/clock.h"
#include "engine/engine.h"
#include "engine/event_log.h"
#include "engine/format/checkpoint.h"
#include "engine/log.h"
#include "engine/log/compaction/compaction_rate.h"
#include "engine/log/recovered_log.h"
#include "engine/storage.h"
#include "engine/wal/wal_appender.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace millrace::engine {

class LogImpl;

class ShardLogsListener {
public:
    virtual ~ShardLogsListener() = default;
    // A write, sync or other file operation failed for good: the whole broker is poisoned. Once;
    // the logs have failed already as if fail() had been called.
    virtual void logs_failed(Error error, std::string_view what) noexcept = 0;

protected:
    ShardLogsListener() = default;
    ShardLogsListener(const ShardLogsListener&) = default;
    ShardLogsListener& operator=(const ShardLogsListener&) = default;
};

struct ShardLogsParts {
    Clock& clock;
    EventLog& events;
    Arena& arena;
    Storage& storage;
    WalAppender& wal;
    const EngineOptions& options;
    LeaderEpoch leader_epoch_min;  // Of what is appended.
    TimestampMs guarded_clock;     // As the last checkpoint has it; 0: there was none.
    ShardCounters& counters;
    ShardLogsListener& listener;
    CompactionRate& compaction_rate;
    bool after_clean_stop = true;  // Of the run before, if there was one.
};

// One shard's part of a checkpoint round. Caller-owned; `done` exactly once, from a completion or
// from end_turn(), never inside prepare_checkpoint().
struct PrepareOp {
    void (*done)(PrepareOp& op) noexcept = nullptr;
    void* owner = nullptr;
    Result<void> outcome;              // io_failed, shutting_down: no checkpoint may be written.
    std::vector<PartitionRow> rows;    // Of every opened log with data in segment files.
    std::vector<WalRelease> releases;  // Entries that checkpoint_durable() will release, by file.
};

class ShardLogs {
public:
    explicit ShardLogs(const ShardLogsParts& parts);
    ~ShardLogs();
    ShardLogs(const ShardLogs&) = delete;
    ShardLogs& operator=(const ShardLogs&) = delete;

    // The log of `key`, made now; `directory` is its folder's name below topics/. `recovered` may
    // be null; else its tail is taken over. Makes no file and reads none.
    // Requires: no log of that key is open.
    [[nodiscard]] Log& open(const PartitionKey& key,
                            std::string_view directory,
                            const LogConfig& config,
                            RecoveredLog* recovered);

    // See AdoptOp. Requires: rounds are being made.
    void adopt(AdoptOp& op);

    [[nodiscard]] Log* find(const PartitionKey& key) noexcept;

    // The same, to hold it for an atomic append.
    [[nodiscard]] LogImpl* find_held(const PartitionKey& key) noexcept;

    // Forgets the log at once (pending operations end with shutting_down, its WAL entries are
    // released); then its folder goes to trash/ and away. op.done: the folder's name is free.
    void remove(const PartitionKey& key, EngineOp& op);

    // Moves the flusher. Once per loop turn.
    void end_turn() noexcept;

    // The file system has refused room for what was to be stored; tried again every second.
    [[nodiscard]] bool refused_space() const noexcept;

    // True when a round would release the last entry of some WAL file, or all of them while
    // nothing comes in.
    [[nodiscard]] bool wants_round() const noexcept;

    // Rows as far as completed runs go; done when all that they name is synced.
    // Requires: no other round between prepare_checkpoint and checkpoint_durable or
    // checkpoint_abandoned.
    void prepare_checkpoint(PrepareOp& op);

    // The checkpoint with the last prepared rows is durable: the WAL entries they cover are
    // released. Their slices stay in the tails, as read cache, until wal_file_recycled(), or until
    // nothing has come in for a while.
    void checkpoint_durable() noexcept;
    // Or it was not written: as if prepare_checkpoint() had not been called.
    void checkpoint_abandoned() noexcept;

    // The file is about to be written over: what the tails hold of it is let go. Memory that
    // readers still refer to lives on until they are done.
    // Requires: file.unflushed_entries == 0.
    void wal_file_recycled(const WalFileUse& file) noexcept;

    // Everything the logs hold goes to segment files, synced, with their indexes: a clean stop.
    // A round must follow. Appends must have ended.
    void flush_all(EngineOp& op);

    // When end_turn() must be called even if nothing happens; max(): never.
    [[nodiscard]] MonotonicTime next_deadline() const noexcept;

    // Poison: appends are refused, what waits ends with `error`, no new file operation begins.
    void fail(Error error) noexcept;

    // No file operation in flight: the object may be destroyed.
    [[nodiscard]] bool idle() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace millrace::engine
