// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/observe/broker_metrics.h"

#include <algorithm>

namespace millrace::broker {
namespace {

struct LogTotals {
    engine::ShardCounters counters;
    engine::RingCounters ring;
    std::uint64_t operations = 0;
    std::uint64_t room = 0;
    bool storage_full = false;
};

LogTotals totals_of(const BrokerSample& sample) {
    LogTotals totals;
    for (const auto& shard : sample.shards) {
        auto& sum = totals.counters;
        const auto& part = shard.engine;
        sum.appends += part.appends;
        sum.append_bytes += part.append_bytes;
        sum.appends_refused_full += part.appends_refused_full;
        sum.groups += part.groups;
        sum.group_bytes += part.group_bytes;
        sum.group_sizes.add(part.group_sizes);
        sum.flush_times.add(part.flush_times);
        sum.wal_writes += part.wal_writes;
        sum.wal_flushes += part.wal_flushes;
        sum.runs += part.runs;
        sum.run_bytes += part.run_bytes;
        sum.segments_rolled += part.segments_rolled;
        sum.segments_deleted += part.segments_deleted;
        sum.segment_bytes_deleted += part.segment_bytes_deleted;
        sum.compaction_passes += part.compaction_passes;
        sum.compaction_passes_failed += part.compaction_passes_failed;
        sum.compaction_records_read += part.compaction_records_read;
        sum.compaction_records_removed += part.compaction_records_removed;
        sum.compaction_tombstones_removed += part.compaction_tombstones_removed;
        sum.compaction_bytes_read += part.compaction_bytes_read;
        sum.compaction_bytes_written += part.compaction_bytes_written;
        sum.checkpoints += part.checkpoints;
        sum.wal_files_recycled += part.wal_files_recycled;
        sum.verified_bytes += part.verified_bytes;
        sum.damaged_ranges_found += part.damaged_ranges_found;
        sum.damaged_ranges += part.damaged_ranges;
        // Passed by all shards: the oldest of their ends.
        sum.scrub_pass_ended = &shard == &sample.shards.front()
                                       ? part.scrub_pass_ended
                                       : std::min(sum.scrub_pass_ended, part.scrub_pass_ended);
        sum.tail_reads += part.tail_reads;
        sum.cold_reads += part.cold_reads;
        sum.cold_read_bytes += part.cold_read_bytes;
        totals.ring.submitted += shard.ring.submitted;
        totals.ring.completed += shard.ring.completed;
        totals.ring.failed += shard.ring.failed;
        totals.ring.queue_full += shard.ring.queue_full;
        totals.operations += shard.storage_operations;
        totals.room += shard.append_room;
        totals.storage_full = totals.storage_full || shard.storage_full;
    }
    return totals;
}

void add_wal(const LogTotals& totals, MetricPage& page) {
    const auto& sum = totals.counters;
    page.histogram("millrace_log_flush_duration_seconds",
                   "From the write of a commit group being submitted to its being durable.")
            .add({}, sum.flush_times, 1e9);
    page.histogram("millrace_wal_group_bytes", "Size of commit groups.")
            .add({}, sum.group_sizes, 1.0);
    page.counter("millrace_wal_groups_total", "Commit groups.").add({}, sum.groups);
    page.counter("millrace_wal_writes_total", "Writes of commit groups, most of which also flush.")
            .add({}, sum.wal_writes);
    page.counter("millrace_wal_flushes_total",
                 "Flushes of the device that no write carried with it.")
            .add({}, sum.wal_flushes);
    page.counter("millrace_wal_files_recycled_total", "Files of the write-ahead log used again.")
            .add({}, sum.wal_files_recycled);
}

void add_segments(const LogTotals& totals, MetricPage& page) {
    const auto& sum = totals.counters;
    page.counter("millrace_log_appends_total", "Appends taken into logs.").add({}, sum.appends);
    page.counter("millrace_log_append_bytes_total", "Bytes of the batches appended.")
            .add({}, sum.append_bytes);
    page.counter("millrace_log_runs_total", "Writes of tails into segment files.")
            .add({}, sum.runs);
    page.counter("millrace_log_run_bytes_total", "Bytes written into segment files.")
            .add({}, sum.run_bytes);
    page.counter("millrace_log_segments_rolled_total", "Segments closed.")
            .add({}, sum.segments_rolled);
    page.counter("millrace_log_segments_deleted_total",
                 "Segments whose files were removed below a log start.")
            .add({}, sum.segments_deleted);
    page.counter("millrace_log_deleted_bytes_total", "Bytes of those segments.")
            .add({}, sum.segment_bytes_deleted);
    page.counter("millrace_log_checkpoints_total", "Checkpoint rounds of all shards together.")
            .add({}, sum.checkpoints);
    page.counter("millrace_log_verified_bytes_total",
                 "Bytes of segments that were verified, in the background or on request.")
            .add({}, sum.verified_bytes);
    page.counter("millrace_log_damaged_ranges_found_total",
                 "Damaged ranges of stored records or indexes that became known.")
            .add({}, sum.damaged_ranges_found);
    page.gauge("millrace_log_damaged_ranges", "Damaged ranges that are known now.")
            .add({}, sum.damaged_ranges);
    page.gauge("millrace_scrub_last_pass_timestamp_seconds",
               "When everything that is stored had been verified last; 0: not since the start.")
            .add({},
                 static_cast<std::uint64_t>(
                         std::max<std::int64_t>(0, sum.scrub_pass_ended / 1000)));
    auto reads = page.counter("millrace_log_reads_total",
                              "Reads of logs, by where the records were: memory or disk.");
    reads.add({{"source", "tail"}}, sum.tail_reads);
    reads.add({{"source", "disk"}}, sum.cold_reads);
    page.counter("millrace_log_disk_read_bytes_total", "Bytes read from segment files.")
            .add({}, sum.cold_read_bytes);
}

void add_compaction(const LogTotals& totals, MetricPage& page) {
    const auto& sum = totals.counters;
    auto passes = page.counter("millrace_compaction_passes_total",
                               "Passes of compaction over a partition.");
    passes.add({{"result", "ok"}}, sum.compaction_passes);
    passes.add({{"result", "error"}}, sum.compaction_passes_failed);
    page.counter("millrace_compaction_records_read_total", "Records that compaction went over.")
            .add({}, sum.compaction_records_read);
    page.counter("millrace_compaction_records_removed_total", "Records that compaction took away.")
            .add({}, sum.compaction_records_removed);
    page.counter("millrace_compaction_tombstones_removed_total",
                 "Of these, records without a value whose time was over.")
            .add({}, sum.compaction_tombstones_removed);
    page.counter("millrace_compaction_read_bytes_total", "Bytes of segments before compaction.")
            .add({}, sum.compaction_bytes_read);
    page.counter("millrace_compaction_written_bytes_total", "Bytes of segments after it.")
            .add({}, sum.compaction_bytes_written);
}

void add_storage(const LogTotals& totals, MetricPage& page) {
    page.gauge("millrace_storage_full", "1 while appends are refused because the disk is full.")
            .add({}, totals.storage_full ? 1.0 : 0.0);
    page.counter("millrace_appends_refused_total", "Appends refused, by reason.")
            .add({{"reason", "storage_full"}}, totals.counters.appends_refused_full);
    page.gauge("millrace_append_room_bytes", "What can be appended before somebody has to wait.")
            .add({}, totals.room);
    page.counter("millrace_uring_submitted_total", "Operations given to the rings.")
            .add({}, totals.ring.submitted);
    auto completed = page.counter("millrace_uring_completed_total",
                                  "Operations the rings have completed; what failed there because "
                                  "it would have blocked was done by a thread.");
    completed.add({{"result", "ok"}}, totals.ring.completed - totals.ring.failed);
    completed.add({{"result", "error"}}, totals.ring.failed);
    page.counter("millrace_uring_sq_full_total", "Times operations waited for room in a ring.")
            .add({}, totals.ring.queue_full);
    page.gauge("millrace_uring_inflight", "Operations that the rings have not completed.")
            .add({}, totals.ring.submitted - totals.ring.completed);
    page.gauge("millrace_storage_operations", "Operations on files that are under way.")
            .add({}, totals.operations);
}

}  // namespace

void add_log_metrics(const BrokerSample& sample, MetricPage& page) {
    const auto totals = totals_of(sample);
    add_wal(totals, page);
    add_segments(totals, page);
    add_compaction(totals, page);
    add_storage(totals, page);
}

}  // namespace millrace::broker
