// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The storage engine of one broker: a data directory's logs, spread over shards.
//
// Lifecycle:
//   1. Engine::recover reads checkpoint and write-ahead logs, on one thread, before shards run.
//   2. Each shard's thread makes a ShardEngine and starts it; shard 0 first. Recovered logs wait.
//   3. The owner opens the metadata log (kMetadataTopic, shard 0), reads it, and then knows which
//      recovered partitions live: those are opened, all others given to drop_recovered(). One that
//      it does not know: do not go on.
//   4. Logs are opened on their shards. Appends and reads.
//   5. stop() on every shard: drained, flushed to segment files, one last checkpoint.
// Failure:  a failed write or sync is final for the whole engine (poison): every shard refuses
//           appends, EngineListener hears of it once, nothing is retried.
#pragma once

#include "engine/adoption.h"
#include "engine/arena.h"
#include "engine/atomic_append.h"
#include "engine/clock.h"
#include "engine/event_log.h"
#include "engine/histogram.h"
#include "engine/log.h"
#include "engine/result.h"
#include "engine/shard_post.h"
#include "engine/storage.h"
#include "engine/units.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace millrace::engine {

enum class CommitMode : std::uint8_t {
    automatic,  // ring where a synced write needs no device flush, else thread.
    ring,       // Group writes carry RWF_DSYNC.
    thread,     // Plain group writes, then fdatasync over all that have completed.
};

struct EngineOptions {
    std::uint32_t shards = 1;
    std::uint64_t wal_bytes = 512 * kMiB;  // All shards together: also the dirty bound.
    std::uint64_t wal_file_bytes = 0;      // 0: share of a shard / 8, 8 to 64 MiB. At most / 4.
    std::uint64_t wal_first_frontier_bytes = 4 * kMiB;  // Zeroed before the first start is done.
    CommitMode commit = CommitMode::automatic;
    std::uint32_t groups_in_flight = 2;          // 1 to 4.
    std::uint32_t group_bytes_max = 256 * kKiB;  // A group closes at it; a larger batch is alone.
    std::uint32_t run_bytes = 1 * kMiB;  // Tail bytes of one partition that make a full run.
    std::uint64_t free_space_min = 0;    // 0: live WAL + 64 MiB (4 MiB on small file systems).
    std::uint64_t filesystem_bytes = 0;  // StorageRoot::filesystem_bytes(); 0: a large one.
    // A producer id that a partition has not heard of for this long is forgotten there.
    std::int64_t producer_expiration_ms = 24LL * 3600 * 1000;
    // What compaction may read and write, all shards together.
    std::uint64_t compaction_bytes_per_second = 64 * kMiB;
    // So often everything that is stored is verified; 0: only when asked.
    std::int64_t scrub_interval_ms = 0;
    std::uint64_t scrub_bytes_per_second = 16 * kMiB;  // All shards together; at least 1.
    bool accept_wal_loss = false;                      // --accept-wal-loss
    std::uint64_t random_seed = 0;  // Bits of the run; from the system's generator.
};

struct RecoverySummary {
    bool first_start = false;
    bool clean = false;            // The last stop was a clean one.
    std::uint32_t run_number = 0;  // Of the run that begins now.
    // Of whatever this run appends: higher than any of a run whose records may have been read and
    // lost.
    LeaderEpoch leader_epoch_min = 0;
    std::uint64_t wal_groups = 0;
    std::uint64_t wal_bytes = 0;
    std::uint64_t partitions = 0;
};

class EngineListener {
public:
    virtual ~EngineListener() = default;
    // Once, on any shard's thread: appends are over; the process should exit 74 within 5 s.
    virtual void engine_failed(Error error, std::string_view what) noexcept = 0;

protected:
    EngineListener() = default;
    EngineListener(const EngineListener&) = default;
    EngineListener& operator=(const EngineListener&) = default;
};

struct EngineParts {
    Clock& clock;
    EventLog& events;
    Arena& arena;
    ShardPost& post;
    EngineListener& listener;
};

// A step that takes a while: owned by the caller, `done` exactly once on the shard's thread.
struct EngineOp {
    void (*done)(EngineOp& op) noexcept = nullptr;
    void* owner = nullptr;
    Result<void> outcome;
};

// Parked until the shard has room for `bytes` more. Caller-owned; once, on the shard's thread.
struct RoomWaiter {
    void (*ready)(RoomWaiter& waiter) noexcept = nullptr;
    void* owner = nullptr;
    std::uint64_t bytes = 0;
    RoomWaiter* next = nullptr;
    RoomWaiter* previous = nullptr;
};

// Plain counters for tests, metrics and benchmarks. Read on the shard's thread.
struct ShardCounters {
    std::uint64_t appends = 0;
    std::uint64_t append_bytes = 0;
    std::uint64_t appends_refused_full = 0;  // The disk was full.
    std::uint64_t groups = 0;
    std::uint64_t group_bytes = 0;
    SizeHistogram group_sizes;
    DurationHistogram flush_times;  // From a group's write being submitted to its being durable.
    std::uint64_t wal_writes = 0;
    std::uint64_t wal_flushes = 0;
    std::uint64_t runs = 0;
    std::uint64_t run_bytes = 0;
    std::uint64_t segments_rolled = 0;
    std::uint64_t segments_deleted = 0;  // Their files are gone; likewise the next.
    std::uint64_t segment_bytes_deleted = 0;
    std::uint64_t compaction_passes = 0;  // Over one log; that ended well.
    std::uint64_t compaction_passes_failed = 0;
    std::uint64_t compaction_records_read = 0;  // Of segments that were compacted, as the next.
    std::uint64_t compaction_records_removed = 0;
    std::uint64_t compaction_tombstones_removed = 0;  // Of these, records without a value.
    std::uint64_t compaction_bytes_read = 0;
    std::uint64_t compaction_bytes_written = 0;
    std::uint64_t checkpoints = 0;  // Rounds this shard took part in.
    std::uint64_t wal_files_recycled = 0;
    std::uint64_t verified_bytes = 0;        // Of log files, by itself or on request.
    std::uint64_t damaged_ranges_found = 0;  // Ever; each once as long as it is known.
    std::uint64_t damaged_ranges = 0;        // Known now.
    std::uint64_t scrub_passes = 0;
    TimestampMs scrub_pass_ended = -1;  // The last one, by the wall clock.
    std::uint64_t tail_reads = 0;
    std::uint64_t cold_reads = 0;
    std::uint64_t cold_read_bytes = 0;
    std::uint64_t payload_copies = 0;  // Calls of the one function that copies payload.
    std::uint64_t payload_copy_bytes = 0;
};

class ShardEngine {
public:
    virtual ~ShardEngine() = default;
    ShardEngine(const ShardEngine&) = delete;
    ShardEngine& operator=(const ShardEngine&) = delete;

    // Opens the WAL, writes the start group. Nothing else may be called before it is done.
    virtual void start(EngineOp& op) = 0;

    // Drains appends, writes all tails to segments; with the last shard's stop the checkpoint is
    // written, so stop all before waiting for any. Appends are refused from the call on. After
    // `done`, not inside it, the shard may be destroyed.
    // Outcome: an error when the last checkpoint could not be written; nothing is lost by that.
    virtual void stop(EngineOp& op) = 0;

    // The log of a partition of this shard, made or adopted; `directory` is its folder's name
    // below topics/ ("orders-3"). Makes no file.
    [[nodiscard]] virtual Log& open_log(const PartitionKey& key,
                                        std::string_view directory,
                                        const LogConfig& config) = 0;
    [[nodiscard]] virtual Log* find_log(const PartitionKey& key) noexcept = 0;

    // Makes logs of segment files that are there already.
    virtual void adopt(AdoptOp& op) = 0;

    // Stores batches of several partitions, of any shards, together or not at all. May be asked of
    // any shard. A stop of the shards waits for those under way.
    virtual void append_atomic(AtomicAppendOp& op) = 0;

    // Deletes a partition whose deletion is durable in the metadata log: its tail is forgotten,
    // its folder goes to trash/, then away. op.done: the folder's name is free again. A recovered
    // log that was never opened is only forgotten: its folder's name is not known here.
    virtual void remove_log(const PartitionKey& key, EngineOp& op) = 0;

    // End of a loop turn: closes the group if one may fly, submits what waits, moves the flusher.
    virtual void end_turn() noexcept = 0;

    // Runs completions; call when the storage's descriptor is readable. Returns how many ran.
    virtual std::size_t run_completions() noexcept = 0;

    // The next moment end_turn() must be called even if nothing happens; max(): never.
    [[nodiscard]] virtual MonotonicTime next_deadline() const noexcept = 0;

    virtual void wait_for_room(RoomWaiter& waiter) noexcept = 0;
    virtual void cancel_wait(RoomWaiter& waiter) noexcept = 0;

    // Memory this shard may still take for appends, bytes.
    [[nodiscard]] virtual std::uint64_t room() const noexcept = 0;
    // No append is larger: a quarter of a file of the write-ahead log.
    [[nodiscard]] virtual std::uint64_t append_bytes_max() const noexcept = 0;
    [[nodiscard]] virtual bool storage_full() const noexcept = 0;
    [[nodiscard]] virtual const ShardCounters& counters() const noexcept = 0;

protected:
    ShardEngine() = default;
};

class Engine {
public:
    // Blocks. `storage` is used only during the call.
    // Errors: damaged_wal, newer_format, foreign_directory, io_failed; events say where and what.
    [[nodiscard]] static Result<std::unique_ptr<Engine>> recover(const EngineOptions& options,
                                                                 const EngineParts& parts,
                                                                 Storage& storage);

    virtual ~Engine() = default;
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    [[nodiscard]] virtual const RecoverySummary& recovery() const noexcept = 0;

    // On the shard's own thread, once per shard.
    [[nodiscard]] virtual std::unique_ptr<ShardEngine> make_shard(std::uint32_t index,
                                                                  Storage& storage) = 0;

    // Partitions that checkpoint or WAL hold data of and nobody opened or dropped yet.
    // Shard 0's thread, before the other logs are opened.
    [[nodiscard]] virtual std::vector<PartitionKey> recovered_partitions() const = 0;

    // Forgets recovered data of a partition whose topic was deleted. `directory`: its folder's name
    // below topics/, which then goes to trash/; empty when a living partition bears that name now.
    virtual void drop_recovered(const PartitionKey& key, std::string_view directory) = 0;

    // After the last drop_recovered: recovered logs may be opened on any shard, and rounds begin.
    // All of them should be: one that is not keeps its part of the WAL from being reused.
    // Errors: damaged_wal: a partition that lives lacks records which had been logged, and
    // !accept_wal_loss; an event says which. Do not go on.
    [[nodiscard]] virtual Result<void> recovered_partitions_decided() = 0;

    [[nodiscard]] virtual bool failed() const noexcept = 0;

protected:
    Engine() = default;
};

}  // namespace millrace::engine
