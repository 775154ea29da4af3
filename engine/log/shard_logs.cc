// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/shard_logs.h"

#include "engine/log/adoption/adoptions.h"
#include "engine/log/checkpoint_round.h"
#include "engine/log/closing.h"
#include "engine/log/folder_removal.h"
#include "engine/log/idle_flush.h"
#include "engine/log/log_table.h"
#include "engine/units.h"

#include <algorithm>
#include <utility>

namespace millrace::engine {

namespace {

// What the whole broker uses, divided among its shards.
constexpr std::uint64_t kIndexBytes = 32 * kMiB;
constexpr std::uint64_t kProducerBytes = 64 * kMiB;
constexpr std::uint64_t kCompactionMapBytes = 64 * kMiB;
constexpr std::uint64_t kLastBlocks = 4096;
constexpr std::uint64_t kOpenFiles = 256;
constexpr std::uint64_t kWriteBytesInFlight = 512 * kKiB;
constexpr std::uint64_t kWriteBytesMax = 256 * kKiB;
constexpr std::uint64_t kReadsInFlightMax = 16;

}  // namespace

struct ShardLogs::State {
    explicit State(const ShardLogsParts& parts);

    void fail(Error error) noexcept;
    [[nodiscard]] RunParts run_parts();
    [[nodiscard]] ReadParts read_parts();

    LogContext context;
    ShardLogsListener& listener;
    IoGate write_gate;
    IoGate read_gate;
    OpenFiles files;
    IndexCache indexes;
    LastBlocks last_blocks;
    ReleaseCounts releases;
    UnsyncedLogs unsynced;
    LogNews news;
    Trash trash;
    ProducerMemory producer_memory;
    ProducerLoads producer_loads;
    SegmentRemovals segment_removals;
    Flusher flusher;
    ColdReads cold_reads;
    TimeLookups time_lookups;
    StartMoves start_moves;
    SegmentSwaps swaps;
    RecordsChecks records_checks;
    LogTable logs;
    Retention retention;
    LogHolds holds;
    Compactions compactions;
    Scrub scrub;
    LogServices services;
    Adoptions adoptions;
    CheckpointRound round;
    IdleFlush idle_flush;
    Closing closing;
    std::vector<std::unique_ptr<FolderRemoval>> removals;
};

ShardLogs::State::State(const ShardLogsParts& parts)
        : context{.clock = parts.clock,
                  .events = parts.events,
                  .arena = parts.arena,
                  .storage = parts.storage,
                  .wal = parts.wal,
                  .options = parts.options,
                  .leader_epoch_min = parts.leader_epoch_min,
                  .counters = parts.counters,
                  .guarded_clock = GuardedClock(parts.clock, parts.guarded_clock),
                  .after_clean_stop = parts.after_clean_stop,
                  .owner = this},
          listener(parts.listener),
          write_gate(context.share_of(kWriteBytesInFlight, kBlockBytes * 16)),
          read_gate(context.share_of(kReadsInFlightMax, kReadsInFlight)),
          files(context, static_cast<std::uint32_t>(context.share_of(kOpenFiles, 16))),
          indexes(context.share_of(kIndexBytes, kMiB)),
          last_blocks(static_cast<std::uint32_t>(context.share_of(kLastBlocks, 64))),
          trash(context),
          producer_memory(context.share_of(kProducerBytes, kMiB)),
          producer_loads(read_parts(), producer_memory),
          segment_removals(context, files, indexes, last_blocks),
          flusher(run_parts()),
          cold_reads(read_parts()),
          time_lookups(read_parts()),
          start_moves(context, flusher, releases, segment_removals),
          swaps(context, files, indexes, segment_removals),
          records_checks(context),
          retention(context, logs),
          compactions({.context = context,
                       .files = files,
                       .read_gate = read_gate,
                       .producer_loads = producer_loads,
                       .swaps = swaps,
                       .rate = parts.compaction_rate,
                       .map_bytes = context.share_of(kCompactionMapBytes, 4 * kMiB)},
                      logs,
                      flusher),
          scrub(context, files, logs),
          services{context,
                   flusher,
                   releases,
                   news,
                   cold_reads,
                   time_lookups,
                   producer_loads,
                   start_moves,
                   retention,
                   holds,
                   compactions,
                   swaps,
                   records_checks,
                   scrub},
          adoptions(context, trash, logs, services),
          round(context, logs, files, unsynced, releases),
          idle_flush(context, logs, flusher, releases, round),
          closing(context, logs, flusher, producer_loads) {
    context.fail_logs = [](void* owner, Error error, std::string_view what) noexcept {
        auto& state = *static_cast<State*>(owner);
        if (state.context.failed) return;
        state.fail(error);
        state.listener.logs_failed(error, what);
    };
}

RunParts ShardLogs::State::run_parts() {
    const auto write_bytes =
            std::min(kWriteBytesMax, context.share_of(kWriteBytesInFlight, kBlockBytes * 16));
    return {.context = context,
            .files = files,
            .indexes = indexes,
            .last_blocks = last_blocks,
            .releases = releases,
            .trash = trash,
            .write_gate = write_gate,
            .read_gate = read_gate,
            .unsynced = unsynced,
            .producer_loads = producer_loads,
            .removals = segment_removals,
            .write_bytes_max = static_cast<std::uint32_t>(round_down(write_bytes, kBlockBytes))};
}

ReadParts ShardLogs::State::read_parts() {
    return {.context = context, .files = files, .indexes = indexes, .gate = read_gate};
}

void ShardLogs::State::fail(Error error) noexcept {
    if (context.failed) return;
    context.failed = error;
    cold_reads.fail(error);
    time_lookups.fail(error);
    start_moves.fail(error);
    compactions.fail(error);
    scrub.fail(error);
    adoptions.fail(error);
    logs.for_each_of_copy([error](LogImpl& log) { log.fail(error); });
    producer_loads.fail();
}

ShardLogs::ShardLogs(const ShardLogsParts& parts) : state_(std::make_unique<State>(parts)) {}

ShardLogs::~ShardLogs() {
    ASSERT(idle());
    // Segments let go of their files, and buffers of their memory, before what they refer to.
    state_->logs.for_each([this](LogImpl& log) {
        auto& state = log.state();
        state_->context.wal.forget(log);
        for (std::size_t i = 0; i < state.segments.size(); ++i)
            state.segments.at(i).file = nullptr;
    });
}

Log& ShardLogs::open(const PartitionKey& key,
                     std::string_view directory,
                     const LogConfig& config,
                     RecoveredLog* recovered) {
    return state_->logs.add(
            std::make_unique<LogImpl>(state_->services, key, directory, config, recovered));
}

Log* ShardLogs::find(const PartitionKey& key) noexcept {
    return state_->logs.find(key);
}

LogImpl* ShardLogs::find_held(const PartitionKey& key) noexcept {
    return state_->logs.find(key);
}

void ShardLogs::adopt(AdoptOp& op) {
    state_->adoptions.start(op);
}

void ShardLogs::remove(const PartitionKey& key, EngineOp& op) {
    auto& log = state_->logs.retire(key);
    auto& state = log.state();
    state.removed = true;
    state_->removals.push_back(
            std::make_unique<FolderRemoval>(state_->context, state_->trash, state, op));
    state_->context.wal.forget(log);
    state_->flusher.forget(state);
    state_->round.forget(state);
    state_->news.forget(log);
    const Error error{Errc::shutting_down, 0};
    state_->cold_reads.forget(state, error);
    state_->time_lookups.forget(state, error);
    state_->producer_loads.forget(state);
    state_->start_moves.forget(state, error);
    state_->compactions.forget(state, error);
    state_->swaps.forget(state);
    state_->scrub.forget(state, error);
    log.set_listener(nullptr);
    log.fail(error);
    static_cast<void>(state_->last_blocks.take(state));
    for (std::size_t i = 0; i < state.segments.size(); ++i) {
        state_->files.let_go(state.segments.at(i));
    }
}

void ShardLogs::end_turn() noexcept {
    auto& state = *state_;
    state.news.tell_all();
    state.holds.end_turn();
    state.time_lookups.end_turn();
    state.producer_loads.end_turn();
    state.context.run_deferred();
    state.retention.end_turn();
    state.scrub.end_turn();
    state.adoptions.end_turn();
    state.segment_removals.end_turn();
    state.swaps.end_turn();
    state.compactions.end_turn();
    state.idle_flush.end_turn();
    state.flusher.end_turn();
    if (state.compactions.stopped() && state.adoptions.stopped()) state.closing.end_turn();
    for (std::size_t i = 0; i < state.removals.size(); ++i)
        state.removals[i]->end_turn();
    std::erase_if(state.removals, [](const auto& removal) { return removal->ended(); });
    if (!state.context.failed) {
        const auto now = state.context.clock.monotonic_now();
        state.files.close_unused(now);
        state.cold_reads.read_ahead().drop_unused(now);
    }
    state.logs.sweep([&state](LogState& log) {
        for (std::size_t i = 0; i < log.segments.size(); ++i) {
            state.files.let_go(log.segments.at(i));
            state.indexes.drop(log.segments.at(i));
        }
        static_cast<void>(state.last_blocks.take(log));
        state.producer_memory.drop(log);
    });
}

bool ShardLogs::refused_space() const noexcept {
    return state_->flusher.refused_space();
}

bool ShardLogs::wants_round() const noexcept {
    if (state_->context.failed) return false;
    return state_->releases.frees_a_file() || state_->idle_flush.wants_round() ||
           state_->swaps.wants_round() || state_->adoptions.wants_round();
}

void ShardLogs::prepare_checkpoint(PrepareOp& op) {
    state_->round.prepare(op);
    state_->swaps.rows_taken();
    state_->adoptions.rows_taken();
}

void ShardLogs::checkpoint_durable() noexcept {
    state_->round.durable();
    state_->swaps.round_durable();
    state_->adoptions.round_durable();
}

void ShardLogs::checkpoint_abandoned() noexcept {
    state_->round.abandoned();
    state_->swaps.round_abandoned();
    state_->adoptions.round_abandoned();
}

void ShardLogs::wal_file_recycled(const WalFileUse& file) noexcept {
    ASSERT(file.unflushed_entries == 0);
    state_->logs.for_each([&file](LogImpl& log) { log.state().tail.let_go(file); });
}

void ShardLogs::flush_all(EngineOp& op) {
    state_->compactions.stop();
    state_->scrub.stop();
    state_->adoptions.stop();
    state_->closing.start(op);
}

MonotonicTime ShardLogs::next_deadline() const noexcept {
    const auto& state = *state_;
    const bool has_more = state.context.deferred_first != nullptr || !state.news.empty() ||
                          state.holds.has_news() || state.time_lookups.wants_turn() ||
                          state.producer_loads.has_news() || state.segment_removals.wants_turn() ||
                          state.adoptions.wants_turn();
    if (has_more) return MonotonicTime::min();
    auto deadline = std::min(state.flusher.next_deadline(), state.files.next_deadline());
    deadline = std::min(deadline, state.idle_flush.next_deadline());
    deadline = std::min(deadline, state.producer_loads.next_deadline());
    deadline = std::min(deadline, state.retention.next_deadline());
    deadline = std::min(deadline, state.swaps.next_deadline());
    deadline = std::min(deadline, state.compactions.next_deadline());
    deadline = std::min(deadline, state.scrub.next_deadline());
    deadline = std::min(deadline, state.cold_reads.read_ahead().next_deadline());
    for (const auto& removal : state.removals) {
        deadline = std::min(deadline, removal->next_deadline());
    }
    return state.context.failed ? MonotonicTime::max() : deadline;
}

void ShardLogs::fail(Error error) noexcept {
    state_->fail(error);
}

bool ShardLogs::idle() const noexcept {
    return state_->context.operations == 0;
}

}  // namespace millrace::engine
