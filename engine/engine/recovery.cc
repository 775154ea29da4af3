// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/recovery.h"

#include "engine/base/planted_bugs.h"
#include "engine/engine/blocking_files.h"
#include "engine/engine/partition_text.h"
#include "engine/engine/recovery_merge.h"
#include "engine/format/file_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace millrace::engine {

namespace {

constexpr std::string_view kWalDirectory = "wal";

// Numbers of the directories below wal/; what is not a number is not ours.
Result<std::set<std::uint32_t>> find_wal_directories(Storage& storage, EventLog& events) {
    TRY(const auto names, BlockingFiles(storage, events).list(kWalDirectory));
    std::set<std::uint32_t> found;
    for (const auto& name : names) {
        std::uint32_t number = 0;
        const auto* end = name.data() + name.size();
        const auto [stop, error] = std::from_chars(name.data(), end, number);
        if (error == std::errc() && stop == end) found.insert(number);
    }
    return found;
}

std::unexpected<Error> no_checkpoint(EventLog& events) {
    events.event(Level::error,
                 "recovery.no_checkpoint",
                 "There are write-ahead logs, but neither checkpoint slot is valid: where they "
                 "begin cannot be known.",
                 {{"slots", fmt::format("{} {}", kCheckpointSlots[0], kCheckpointSlots[1])}});
    return failure(Errc::damaged_wal);
}

Result<void> replay_all(const EngineOptions& options,
                        const EngineParts& parts,
                        Storage& storage,
                        std::set<std::uint32_t> directories,
                        RecoveredState& state) {
    std::map<std::uint32_t, WalPosition> starts;
    for (std::uint32_t shard = 0; shard < options.shards; ++shard)
        directories.insert(shard);
    for (const auto directory : directories)
        starts[directory].directory = directory;
    for (const auto& position : state.checkpoint.newest->wals)
        starts[position.directory] = position;
    if (bug_planted(PlantedBug::skip_foreign_entries)) {
        std::erase_if(starts, [&](const auto& start) { return start.first >= options.shards; });
    }

    auto& summary = state.summary;
    auto run_number = state.checkpoint.newest->run_number;
    for (const auto& [directory, start] : starts) {
        TRY(auto wal,
            replay_wal(storage, parts.arena, parts.events, start, options.accept_wal_loss));
        summary.wal_groups += wal.groups;
        summary.wal_bytes += wal.bytes;
        run_number = std::max(run_number, wal.run_number);
        state.wals.emplace(directory, std::move(wal));
    }
    summary.run_number = run_number + 1;
    return {};
}

// One more for every run that did not end with a clean stop, whether its records were found or
// not: they may have been read. A run's number is on stable storage before its first append.
LeaderEpoch leader_epoch_min(const Checkpoint& newest, const RecoverySummary& summary) {
    const auto last_run = summary.run_number - 1;
    const bool checkpoint_ended_its_run = newest.clean || newest.run_number == 0;
    const auto unclean_runs = last_run - newest.run_number + (checkpoint_ended_its_run ? 0 : 1);
    return newest.leader_epoch_min + static_cast<LeaderEpoch>(unclean_runs);
}

// Where the logs of partitions end that had entries behind a place where a WAL was cut.
void report_losses(const RecoveredState& state, EventLog& events) {
    for (const auto& [directory, wal] : state.wals) {
        for (const auto& loss : wal.losses) {
            for (const auto& key : loss.seen_later) {
                const auto& shard = state.shards[shard_of(
                        key, static_cast<std::uint32_t>(state.shards.size()))];
                const auto found = shard.partitions.find(key);
                Offset end;
                if (found != shard.partitions.end()) {
                    const auto& log = found->second.log;
                    end = log.tail.empty() ? log.row.flushed_offset : log.tail.back().end;
                }
                events.event(Level::warning,
                             "recovery.suspect_partition",
                             "Records of this partition may be lost from this offset on.",
                             {{"partition", partition_text(key)},
                              {"from", fmt::format("{}", end.value)},
                              {"wal", fmt::format("wal/{}/{}.wal", directory, loss.slot)}});
            }
        }
    }
}

// Nobody can decide about the metadata log by its metadata.
Result<void> check_metadata_log(const EngineOptions& options,
                                RecoveredState& state,
                                EventLog& events) {
    const auto found = state.shards[0].partitions.find({kMetadataTopic, 0});
    if (found == state.shards[0].partitions.end() || !found->second.gap) return {};
    report_gap(events, found->first, *found->second.gap, options.accept_wal_loss);
    if (!options.accept_wal_loss) return failure(Errc::damaged_wal);
    found->second.gap.reset();
    return {};
}

void report(const RecoveredState& state, const EngineParts& parts, MonotonicTime began) {
    const auto& summary = state.summary;
    const auto elapsed =
            std::chrono::duration<double, std::milli>(parts.clock.monotonic_now() - began);
    parts.events.event(Level::info,
                       "recovery.done",
                       summary.first_start ? "A new data directory was made."
                       : summary.clean     ? "The last stop was a clean one."
                                           : "The write-ahead logs were replayed.",
                       {{"run", fmt::format("{}", summary.run_number)},
                        {"checkpoint", fmt::format("{}", state.checkpoint.newest->number)},
                        {"groups", fmt::format("{}", summary.wal_groups)},
                        {"bytes", fmt::format("{}", summary.wal_bytes)},
                        {"partitions", fmt::format("{}", summary.partitions)},
                        {"milliseconds", fmt::format("{:.1f}", elapsed.count())}});
}

}  // namespace

void report_gap(EventLog& events, const PartitionKey& key, const OffsetGap& gap, bool accepted) {
    events.event(accepted ? Level::warning : Level::error,
                 "recovery.gap",
                 accepted ? "Records are missing; the log was cut there."
                          : "Records that had been logged are missing: no write-ahead log holds "
                            "them.",
                 {{"partition", partition_text(key)},
                  {"missing_from", fmt::format("{}", gap.from.value)},
                  {"missing_to", fmt::format("{}", gap.to.value)},
                  {"dropped_to", fmt::format("{}", gap.end.value)}});
}

Result<RecoveredState> recover_state(const EngineOptions& options,
                                     const EngineParts& parts,
                                     Storage& storage) {
    const auto began = parts.clock.monotonic_now();
    RecoveredState state;
    state.shards.resize(options.shards);
    TRY(state.checkpoint, read_checkpoint_slots(storage, parts.arena, parts.events));
    TRY(auto directories, find_wal_directories(storage, parts.events));
    if (!state.checkpoint.newest && !directories.empty()) return no_checkpoint(parts.events);
    // Now: on a full disk, where topics are deleted to make room, it could not be made any more.
    // What follows syncs the directory that it lies in.
    BlockingFiles(storage, parts.events).make_directory(kTrashDirectory);
    if (!state.checkpoint.newest) {
        TRY(state.checkpoint,
            make_checkpoint_slots(storage, parts.arena, parts.events, options.shards));
    } else {
        TRY_VOID(sync_checkpoint_slots(storage, parts.events, state.checkpoint));
    }
    TRY_VOID(replay_all(options, parts, storage, std::move(directories), state));
    auto& summary = state.summary;
    summary.first_start = state.checkpoint.newest->run_number == 0 && summary.wal_groups == 0;
    summary.clean = state.checkpoint.newest->clean && summary.wal_groups == 0;
    summary.leader_epoch_min = leader_epoch_min(*state.checkpoint.newest, summary);
    TRY_VOID(merge_recovered(state, parts.events));
    report_losses(state, parts.events);
    TRY_VOID(check_metadata_log(options, state, parts.events));
    report(state, parts, began);
    return state;
}

}  // namespace millrace::engine
