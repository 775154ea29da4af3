// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The write-ahead log of one shard while it runs: groups of entries, each one direct write into
// pre-written blocks of a file that is recycled for ever, chained and completed in order.
//
// Lifecycle:   construct, adopt what replay found, start(), entries and turns, drain(), destroy
//              when idle.
// Thread:      its shard's loop.
// Durability:  a group is written, or flushed, only together with every earlier one of this WAL.
// Failure:     ENOSPC and EDQUOT while a file is made are refusals (storage_full). Every other
//              failed or short operation, and a group in flight for 30 s, ends the WAL: the
//              listener hears of it once and nothing is completed any more.
#pragma once

#include "engine/arena.h"
#include "engine/clock.h"
#include "engine/engine.h"
#include "engine/event_log.h"
#include "engine/format/checkpoint.h"
#include "engine/storage.h"
#include "engine/wal/wal_appender.h"
#include "engine/wal/wal_replay.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace millrace::engine {

class WalListener {
public:
    virtual ~WalListener() = default;
    virtual void wal_failed(Error error, std::string_view what) noexcept = 0;
    // Room has come back: parked appends may try again.
    virtual void wal_has_room() noexcept = 0;
    // The file's blocks are about to be written over: memory that images them must be let go.
    virtual void wal_file_recycled(const WalFileUse& file) noexcept = 0;

protected:
    WalListener() = default;
    WalListener(const WalListener&) = default;
    WalListener& operator=(const WalListener&) = default;
};

struct WalOptions {
    std::uint32_t directory = 0;  // wal/<directory>/
    std::uint64_t file_bytes = 0;
    std::uint64_t bytes_max = 0;  // This shard's share of live WAL.
    std::uint64_t first_frontier_bytes = 0;
    // Of groups that somebody waits for: `bytes` is commit mode ring, `file` is thread.
    WriteSync commit = WriteSync::file;
    std::uint32_t groups_in_flight = 2;
    std::uint32_t group_bytes_max = 0;
    std::uint64_t run_bits = 0;  // 64 random bits of this run.
    std::uint32_t run_number = 0;
};

struct WalParts {
    Clock& clock;
    EventLog& events;
    Arena& arena;
    Storage& storage;
    ShardCounters& counters;
    WalListener& listener;
};

class WalWriter final : public WalAppender {
public:
    // `found`: what replay_wal() said of this directory. Takes over its files.
    WalWriter(const WalOptions& options, const WalParts& parts, ReplayedWal&& found);
    ~WalWriter() override;
    WalWriter(const WalWriter&) = delete;
    WalWriter& operator=(const WalWriter&) = delete;

    // Makes what is missing (directory, first file, zeroed frontier), writes and flushes the
    // `start` group, linked to the last group replayed. Nothing else before it is done.
    // Errors: storage_full (no space for the first blocks), io_failed, shutting_down.
    void start(EngineOp& op);

    // Closes the open group if it may fly, submits, looks at deadlines. Once per loop turn, before
    // the owner's Storage::flush_submissions().
    void end_turn() noexcept;

    // Refuses new entries; done, from a completion or end_turn(), when every group is flushed.
    void drain(EngineOp& op);

    // Where replay would start if `releases` had been released: the first group of the oldest
    // file that still holds unflushed entries, or the end.
    [[nodiscard]] WalPosition replay_start(std::span<const WalRelease> releases) const;

    // Files that lie before `older`, the replay start of the older of the two durable checkpoint
    // slots, are written over from now on. Each such file: listener.wal_file_recycled().
    void recycle_before(const WalPosition& older) noexcept;

    // Unflushed bytes of WAL directories that nobody writes any more, this writer's share of them:
    // they count in its bound as its own do.
    void set_bytes_elsewhere(std::uint64_t bytes) noexcept;

    // Storage is nearly full: only control entries (not `append`, `atomic`) are taken.
    void set_storage_full(bool full) noexcept;

    // The file system has refused blocks or a file; tried again every second.
    [[nodiscard]] bool refused_space() const noexcept;

    // Poison from outside: completes nothing any more but a start or drain that waits, with
    // `error`. The listener is not told.
    void fail(Error error) noexcept;

    // Of the file that is written to.
    [[nodiscard]] std::uint64_t newest_file_number() const noexcept;

    [[nodiscard]] MonotonicTime next_deadline() const noexcept;
    [[nodiscard]] bool idle() const noexcept;  // No operation in flight.
    // The largest payload of an `append` that reserve() would take now, as far as blocks and the
    // bound are concerned.
    [[nodiscard]] std::uint64_t room() const noexcept;

    // WalAppender.
    [[nodiscard]] Result<WalPlace> reserve(EntryKind kind,
                                           const PartitionKey& key,
                                           std::uint32_t payload_bytes,
                                           bool frees_space) override;
    void keep(const WalPlace& place, WalSink* sink, Offset end, Durability awaited) override;
    void take_back(const WalPlace& place) noexcept override;
    void forget(WalSink& sink) noexcept override;
    void entry_released(WalFileUse& file) noexcept override;
    [[nodiscard]] std::uint64_t live_bytes() const noexcept override;
    [[nodiscard]] std::uint64_t bytes_max() const noexcept override;
    [[nodiscard]] std::uint64_t appended_bytes() const noexcept override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace millrace::engine
