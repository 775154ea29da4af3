// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/recovery_merge.h"

#include "engine/assert.h"
#include "engine/base/planted_bugs.h"
#include "engine/engine/partition_text.h"
#include "engine/engine/recovered_start.h"
#include "engine/format/atomic_entry.h"
#include "engine/format/log_start_entry.h"
#include "engine/format/record_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace millrace::engine {

namespace {

struct OffsetRange {
    Offset base;
    Offset end;
};

// Offsets of an entry's batches, which must follow one another without a hole.
Result<OffsetRange> range_of(const WalPlace& place) {
    Bytes rest(place.data, place.size);
    OffsetRange range;
    for (bool first = true; !rest.empty(); first = false) {
        TRY(const auto batch, BatchView::parse(rest));
        if (first) range.base = range.end = batch.base_offset();
        if (batch.base_offset() != range.end || batch.last_offset_delta() < 0) {
            return failure(Errc::damaged_wal);
        }
        range.end = batch.next_offset();
        rest = rest.subspan(batch.size());
    }
    if (range.end == range.base) return failure(Errc::damaged_wal);
    return range;
}

class Merger {
public:
    Merger(RecoveredState& state, EventLog& events) : state_(state), events_(events) {}

    Result<void> run() {
        take_rows();
        TRY(const auto entries, in_merge_order());
        for (const auto& ordered : entries) {
            TRY_VOID(take(*ordered.entry));
        }
        for (auto& [directory, wal] : state_.wals) {
            wal.entries.clear();
            wal.entries.shrink_to_fit();
        }
        for (auto& shard : state_.shards) {
            state_.summary.partitions += shard.partitions.size();
            for (auto& [key, partition] : shard.partitions)
                skip_what_was_deleted(partition);
        }
        return {};
    }

private:
    ShardRecovery& shard_for(const PartitionKey& key) {
        return state_.shards[shard_of(key, static_cast<std::uint32_t>(state_.shards.size()))];
    }

    void take_rows() {
        for (auto& row : state_.checkpoint.newest->partitions) {
            auto& partition = shard_for(row.key).partitions[row.key];
            partition.log.row = std::move(row);
        }
        state_.checkpoint.newest->partitions.clear();
    }

    struct Ordered {
        ReplayedEntry* entry = nullptr;
        Offset order;  // Where its records begin; of one without records: where those before did.
    };

    // Within one run a partition's own entries lie in one directory, in offset order, and what came
    // with atomic appends lies in others: together the offsets ascend without a hole.
    Result<std::vector<Ordered>> in_merge_order() {
        std::vector<Ordered> entries;
        for (auto& [directory, wal] : state_.wals) {
            std::map<PartitionKey, Offset> begins;
            const auto add = [&](ReplayedEntry& entry) {
                auto& begin = begins[entry.key];
                const auto batch = BatchView::parse({entry.place.data, entry.place.size});
                if (entry.kind == EntryKind::append && batch) begin = batch->base_offset();
                entries.push_back({&entry, begin});
            };
            for (auto& entry : wal.entries) {
                if (entry.kind != EntryKind::atomic) {
                    add(entry);
                    continue;
                }
                TRY(const auto first, split(entry));
                for (auto part = first; part < parts_.size(); ++part)
                    add(parts_[part]);
            }
        }
        std::stable_sort(entries.begin(), entries.end(), [](const auto& left, const auto& right) {
            return std::tie(left.entry->key, left.entry->run_number, left.order) <
                   std::tie(right.entry->key, right.entry->run_number, right.order);
        });
        return entries;
    }

    // Each part of an atomic entry is as an entry of its own from here on: it goes in when the
    // partition's log has reached its base offset. The index of the first.
    Result<std::size_t> split(ReplayedEntry& entry) {
        const auto views = read_atomic_entry({entry.place.data, entry.place.size});
        if (!views) return refuse(entry, views.error().code);
        const auto first = parts_.size();
        for (const auto& view : *views) {
            auto& part = parts_.emplace_back();
            part.kind = EntryKind::append;
            part.key = view.key;
            part.place = entry.place;
            part.place.data = entry.place.data + (view.batches.data() - entry.place.data);
            part.place.size = static_cast<std::uint32_t>(view.batches.size());
            part.run_number = entry.run_number;
            part.directory = entry.directory;
            ++entry.place.file->unflushed_entries;
        }
        release(entry);
        const auto shards = static_cast<std::uint32_t>(state_.shards.size());
        while (bug_planted(PlantedBug::skip_foreign_parts) && parts_.size() > first &&
               shard_of(parts_.back().key, shards) != entry.directory) {
            release(parts_.back());
            parts_.pop_back();
        }
        return first;
    }

    Result<void> take(ReplayedEntry& entry) {
        if (entry.kind == EntryKind::epoch) {  // The batches that follow carry the epoch.
            release(entry);
            return {};
        }
        if (entry.kind == EntryKind::log_start) return take_start(entry);
        if (entry.kind != EntryKind::append) return refuse(entry, Errc::newer_format);
        const auto range = range_of(entry.place);
        if (!range) return refuse(entry, Errc::damaged_wal);

        auto& shard = shard_for(entry.key);
        auto [found, is_new] = shard.partitions.try_emplace(entry.key);
        auto& partition = found->second;
        if (is_new) partition.log.row.key = entry.key;
        auto& tail = partition.log.tail;
        // What is missing before it was deleted.
        const bool follows_start = range->base <= partition.log.row.log_start;
        if (!partition.gap && follows_start && range->base > end_of(partition.log)) {
            skip_to(partition.log, range->base);
        }
        const auto expected = end_of(partition.log);
        if (partition.gap) {
            partition.gap->end = std::max(partition.gap->end, range->end);
            release(entry);
        } else if (range->end <= expected) {
            release(entry);
        } else if (range->base > expected) {
            partition.gap = OffsetGap{.from = expected, .to = range->base, .end = range->end};
            release(entry);
        } else if (range->base < expected && !tail.empty()) {
            return refuse(entry, Errc::damaged_wal);
        } else {
            WalPlace place = std::move(entry.place);
            place.file = count_for(shard, entry.directory, place.file);
            tail.push_back({.place = std::move(place), .base = range->base, .end = range->end});
        }
        return {};
    }

    // One that no checkpoint has is kept as an entry without records.
    Result<void> take_start(ReplayedEntry& entry) {
        const auto start = decode_log_start_entry({entry.place.data, entry.place.size});
        if (!start) return refuse(entry, Errc::damaged_wal);
        auto& shard = shard_for(entry.key);
        auto [found, is_new] = shard.partitions.try_emplace(entry.key);
        auto& log = found->second.log;
        if (is_new) log.row.key = entry.key;
        if (*start <= log.row.log_start) {
            release(entry);
            return {};
        }
        log.row.log_start = *start;
        WalPlace place = std::move(entry.place);
        place.size = 0;
        place.file = count_for(shard, entry.directory, place.file);
        const auto end = end_of(log);
        log.tail.push_back({.place = std::move(place), .base = end, .end = end});
        return {};
    }

    static void skip_what_was_deleted(RecoveredPartition& partition) {
        const auto start = partition.log.row.log_start;
        if (partition.gap && partition.gap->end <= start) partition.gap.reset();
        drop_deleted(partition.log);
    }

    static void release(ReplayedEntry& entry) {
        ASSERT(entry.place.file->unflushed_entries > 0);
        --entry.place.file->unflushed_entries;
        entry.place.image = {};
    }

    // Who counts the entry from now on.
    WalFileUse* count_for(ShardRecovery& shard, std::uint32_t directory, WalFileUse* file) {
        const auto own = static_cast<std::uint32_t>(&shard - state_.shards.data());
        if (directory == own) return file;
        auto stand_in = std::find_if(shard.foreign.rbegin(),
                                     shard.foreign.rend(),
                                     [file](const auto& each) { return each.original == file; });
        if (stand_in == shard.foreign.rend()) {
            auto& made = shard.foreign.emplace_back();
            made.use.file_number = file->file_number;
            made.use.stand_in = true;
            made.directory = directory;
            made.original = file;
            stand_in = shard.foreign.rbegin();
            // The file's count of this entry is the stand-in's from now on.
        } else {
            --file->unflushed_entries;
        }
        ++stand_in->use.unflushed_entries;
        return &stand_in->use;
    }

    std::unexpected<Error> refuse(const ReplayedEntry& entry, Errc code) {
        events_.event(Level::error,
                      "recovery.bad_entry",
                      code == Errc::newer_format
                              ? "The write-ahead log holds an entry of a later version's kind."
                              : "The write-ahead log holds an entry that does not fit its log.",
                      {{"directory", fmt::format("wal/{}", entry.directory)},
                       {"group", fmt::format("{}", entry.place.group)},
                       {"kind", fmt::format("{}", std::to_underlying(entry.kind))},
                       {"partition", partition_text(entry.key)}});
        return failure(code);
    }

    RecoveredState& state_;
    EventLog& events_;
    std::deque<ReplayedEntry> parts_;  // Of atomic entries; addresses are kept.
};

}  // namespace

Result<void> merge_recovered(RecoveredState& state, EventLog& events) {
    return Merger(state, events).run();
}

}  // namespace millrace::engine
