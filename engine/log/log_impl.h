// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The log of one partition: its state, its offsets, and who is told what. Work that takes a while
// is done by the shard's flusher and readers.
#pragma once

#include "engine/log.h"
#include "engine/log/cold_reads.h"
#include "engine/log/compaction/compactions.h"
#include "engine/log/duplicate_acks.h"
#include "engine/log/flusher.h"
#include "engine/log/log_hold.h"
#include "engine/log/log_holds.h"
#include "engine/log/log_news.h"
#include "engine/log/log_state.h"
#include "engine/log/pending_acks.h"
#include "engine/log/producer_loads.h"
#include "engine/log/records_checks.h"
#include "engine/log/recovered_log.h"
#include "engine/log/retention.h"
#include "engine/log/start_moves.h"
#include "engine/log/time_lookups.h"
#include "engine/log/verify/scrub.h"

#include <string_view>

namespace millrace::engine {

// What the logs of a shard share.
struct LogServices {
    LogContext& context;
    Flusher& flusher;
    ReleaseCounts& releases;
    LogNews& news;
    ColdReads& cold_reads;
    TimeLookups& time_lookups;
    ProducerLoads& producer_loads;
    StartMoves& start_moves;
    Retention& retention;
    LogHolds& holds;
    Compactions& compactions;
    SegmentSwaps& swaps;
    RecordsChecks& records_checks;
    Scrub& scrub;
};

class LogImpl final : public Log, public WalSink, public NewsItem {
public:
    LogImpl(LogServices& services,
            const PartitionKey& key,
            std::string_view directory,
            const LogConfig& config,
            RecoveredLog* recovered);

    [[nodiscard]] Result<void> append(AppendOp& op) override;
    void wait_for_producers(LogWaiter& waiter) noexcept override;
    void wait_for_release(LogWaiter& waiter) noexcept override;
    void cancel_wait(LogWaiter& waiter) noexcept override;
    [[nodiscard]] ReadStatus read(ReadOp& op) override;
    void look_up_time(TimeLookupOp& op) override;
    void delete_before(DeleteOp& op) override;
    void expire(DeleteOp& op) override;
    void compact(CompactOp& op) override;
    void check_records(RecordsCheck& check) override;
    void cancel_check(RecordsCheck& check) noexcept override;
    void verify(VerifyOp& op) override;
    [[nodiscard]] LogOffsets offsets() const noexcept override;

    [[nodiscard]] LeaderEpoch leader_epoch() const noexcept override { return leader_epoch_; }

    [[nodiscard]] EpochEnd epoch_end(LeaderEpoch epoch) const noexcept override;

    [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return state_.size_bytes; }

    [[nodiscard]] std::uint32_t segment_count() const noexcept override {
        return static_cast<std::uint32_t>(state_.segments.size());
    }

    void set_config(const LogConfig& config) noexcept override;

    void set_listener(LogListener* listener) noexcept override { listener_ = listener; }

    void entry_written(Offset end) noexcept override;
    void entry_flushed(Offset end) noexcept override;

    // Atomic append: all checks of an append, and offsets for its batches, which nobody else gets
    // from here on. Errors: as append(); nothing happened then. Requires: not held.
    [[nodiscard]] Result<void> hold(LogHold& hold);

    // The batches, stamped as `hold` says, lie at `place` and are flushed: they are the log's, and
    // others append again. Requires: held.
    void publish(const LogHold& hold, const WalPlace& place);

    // Nothing came of it. Requires: held.
    void release_hold() noexcept;

    // Everything up to the log's end is flushed.
    [[nodiscard]] bool all_flushed() const noexcept { return state_.flushed_end == state_.log_end; }

    // What could not be said inside append().
    void tell_news() noexcept override;

    [[nodiscard]] LogState& state() noexcept { return state_; }

    // Refuses everything from now on; those who wait for marks hear of it.
    void fail(Error error) noexcept;

private:
    void adopt(RecoveredLog& recovered);
    void adopt_batches(RecoveredBatches& batches);
    [[nodiscard]] Result<void> take(AppendOp& op);
    [[nodiscard]] Result<void> begin_epoch(const AppendOp& op);
    [[nodiscard]] Result<bool> check_producer(AppendOp& op);
    void answer_duplicate(AppendOp& op, const ProducedBatch& first);
    void note_producer(const BatchView& batch);
    void take_in(const WalPlace& place, Offset end, std::uint32_t batches, TimestampMs largest);
    void move_visible_end() noexcept;

    LogServices& services_;
    LogState state_;
    LogListener* listener_ = nullptr;
    PendingAcks memory_acks_;
    PendingAcks written_acks_;
    PendingAcks flushed_acks_;
    DuplicateAcks memory_duplicates_;
    DuplicateAcks written_duplicates_;
    DuplicateAcks flushed_duplicates_;
    Offset visible_end_;
    TimestampMs last_append_time_ = -1;
    LeaderEpoch leader_epoch_ = 0;
    bool epoch_begun_ = true;  // False: the first append writes the entry that raises it.
    bool failed_ = false;
    Error failure_;
};

}  // namespace millrace::engine
