// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One shard: its WAL, its logs, its part in checkpoint rounds; shard 0 leads those.
//
// Lifecycle, thread, durability: as ShardEngine says.
// Order of a stop: WAL drained, no round between prepare and durable, everything to segments, one
// last round of all shards.
#pragma once

#include "engine/base/payload_copy.h"
#include "engine/engine.h"
#include "engine/engine/atomic_appends.h"
#include "engine/engine/checkpoint_rounds.h"
#include "engine/engine/engine_core.h"
#include "engine/engine/free_space_watch.h"
#include "engine/engine/room_waiters.h"
#include "engine/engine/shard_wal.h"
#include "engine/log/shard_logs.h"
#include "engine/wal/wal_writer.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

namespace millrace::engine {

class ShardEngineImpl final : public ShardEngine,
                              WalListener,
                              ShardLogsListener,
                              FreeSpaceListener {
public:
    ShardEngineImpl(EngineCore& core, std::uint32_t index, Storage& storage);
    ~ShardEngineImpl() override;

    void start(EngineOp& op) override;
    void stop(EngineOp& op) override;
    [[nodiscard]] Log& open_log(const PartitionKey& key,
                                std::string_view directory,
                                const LogConfig& config) override;
    [[nodiscard]] Log* find_log(const PartitionKey& key) noexcept override;
    void remove_log(const PartitionKey& key, EngineOp& op) override;

    void adopt(AdoptOp& op) override { logs_.adopt(op); }

    void append_atomic(AtomicAppendOp& op) override { atomic_.start(op); }

    void end_turn() noexcept override;
    std::size_t run_completions() noexcept override;
    [[nodiscard]] MonotonicTime next_deadline() const noexcept override;
    void wait_for_room(RoomWaiter& waiter) noexcept override;
    void cancel_wait(RoomWaiter& waiter) noexcept override;
    [[nodiscard]] std::uint64_t room() const noexcept override;

    [[nodiscard]] std::uint64_t append_bytes_max() const noexcept override {
        return append_bytes_max_;
    }

    [[nodiscard]] bool storage_full() const noexcept override;
    [[nodiscard]] const ShardCounters& counters() const noexcept override;

    // Messages from the core, on this shard's thread.
    void round_step() noexcept;
    void poisoned(Error error) noexcept;
    void recovered_decided() noexcept;

private:
    enum class StopStage : std::uint8_t { none, draining, drained, flushing, flushed, ended };

    // WalListener.
    void wal_failed(Error error, std::string_view what) noexcept override;
    void wal_has_room() noexcept override;
    void wal_file_recycled(const WalFileUse& file) noexcept override;
    // ShardLogsListener.
    void logs_failed(Error error, std::string_view what) noexcept override;
    // FreeSpaceListener.
    void free_space_seen() noexcept override;

    void start_wal() noexcept;
    void wal_started() noexcept;
    void begin_dropped() noexcept;
    void release_tail(const RecoveredLog& log) noexcept;

    void begin_prepare() noexcept;
    void prepare_done() noexcept;
    void take_position() noexcept;
    void take_durable() noexcept;
    void give_shares_back() noexcept;
    void answer() noexcept;
    void ask_for_round() noexcept;

    void advance_stop() noexcept;
    void wake_waiters() noexcept;
    void tell_pressure() noexcept;
    void note_full() noexcept;
    void watch_memory(MonotonicTime now) noexcept;
    void report_stop() noexcept;
    void end_finished() noexcept;
    [[nodiscard]] bool idle() const noexcept;

    EngineCore& core_;
    ShardLink& link_;
    ShardRecovery& recovery_;
    Storage& storage_;
    ShardCounters counters_;
    PayloadCopies copies_before_;
    WalWriter wal_;
    ShardWal shard_wal_;
    ShardLogs logs_;
    FreeSpaceWatch free_space_;
    std::uint64_t append_bytes_max_;  // No WAL takes a larger entry.
    RoomWaiters waiters_;
    AtomicAppends atomic_;
    std::unique_ptr<CheckpointRounds> rounds_;  // Shard 0's.

    std::uint64_t told_quarters_ = 0;  // Of how full the WAL was when others were woken last,
    std::uint64_t told_file_ = 0;      // and its file.
    bool full_ = false;                // Appends are refused for want of space.
    bool failed_ = false;
    bool started_ = false;
    EngineOp* start_op_ = nullptr;
    EngineOp wal_start_;

    // A round, from prepare to durable or abandon.
    bool in_round_ = false;
    bool prepare_waits_ = false;  // Until flush_all() is done.
    PrepareOp prepare_;
    std::vector<PartitionRow> unopened_rows_;

    StopStage stop_stage_ = StopStage::none;
    EngineOp* stop_op_ = nullptr;
    EngineOp drain_;
    EngineOp flush_;

    std::deque<EngineOp> drops_;  // Of recovered partitions; addresses are kept.
    std::size_t drops_left_ = 0;
    std::vector<EngineOp*> finished_ops_;  // To be told at the next turn.

    MonotonicTime memory_look_{};
    MonotonicTime memory_quiet_since_{};
    std::uint64_t memory_seen_ = 0;
};

}  // namespace millrace::engine
