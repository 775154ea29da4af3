// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/recovery_merge.h"

#include "engine/format/atomic_entry.h"
#include "engine/format/batch_builder.h"
#include "engine/format/log_start_entry.h"
#include "engine/format/record_batch.h"
#include "tests/support/collected_events.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <string>

namespace millrace::testing {
namespace {

using engine::BatchBuilder;
using engine::Codec;
using engine::EntryKind;
using engine::Errc;
using engine::kMetadataTopic;
using engine::merge_recovered;
using engine::Offset;
using engine::PartitionKey;
using engine::PartitionRow;
using engine::RecoveredLog;
using engine::RecoveredPartition;
using engine::RecoveredState;
using engine::ReplayedEntry;
using engine::Result;
using engine::set_batch_place;
using engine::shard_of;
using engine::TopicId;
using engine::WalFileUse;

PartitionKey key_of(std::uint32_t partition) {
    return {TopicId{{1, 2, 3}}, partition};
}

// A partition of that topic that a run with `shards` shards keeps on `shard`.
PartitionKey key_on(std::uint32_t shard, std::uint32_t shards) {
    for (std::uint32_t partition = 0;; ++partition) {
        if (shard_of(key_of(partition), shards) == shard) return key_of(partition);
    }
}

class RecoveryMerge : public ::testing::Test {
protected:
    void begin(std::uint32_t shards) {
        state_.checkpoint.newest.emplace();
        state_.shards.resize(shards);
        for (std::uint32_t shard = 0; shard < shards; ++shard)
            state_.wals[shard].start.directory = shard;
    }

    void row(const PartitionKey& key, std::int64_t flushed) {
        PartitionRow row;
        row.key = key;
        row.flushed_offset = Offset(flushed);
        row.segments.push_back({.base = Offset(0), .bytes = 100});
        state_.checkpoint.newest->partitions.push_back(row);
    }

    // One file for each directory; one batch of `count` records from `base` on.
    void entry(std::uint32_t directory,
               std::uint32_t run,
               const PartitionKey& key,
               std::int64_t base,
               int count,
               EntryKind kind = EntryKind::append) {
        auto& wal = state_.wals[directory];
        if (wal.slots.empty()) {
            auto& slot = wal.slots.emplace_back();
            slot.use = std::make_unique<WalFileUse>();
            slot.use->file_number = 7 + directory;
        }
        BatchBuilder builder;
        for (int index = 0; index < count; ++index)
            builder.append({.timestamp = 1, .key = {}, .value = {}, .headers = {}});
        const auto bytes = builder.finish(Codec::none);
        auto& payload = payloads_.emplace_back(bytes->begin(), bytes->end());
        set_batch_place(payload.data(), Offset(base), 0);
        ReplayedEntry entry;
        entry.kind = kind;
        entry.key = key;
        entry.run_number = run;
        entry.directory = directory;
        entry.place.data = payload.data();
        entry.place.size = static_cast<std::uint32_t>(payload.size());
        entry.place.file = wal.slots[0].use.get();
        ++wal.slots[0].use->unflushed_entries;
        wal.entries.push_back(std::move(entry));
    }

    // Whose payload says that the log begins at `start`.
    void start_entry(std::uint32_t directory,
                     std::uint32_t run,
                     const PartitionKey& key,
                     std::int64_t start) {
        entry(directory, run, key, 0, 1, EntryKind::log_start);
        auto& place = state_.wals[directory].entries.back().place;
        place.size = engine::kLogStartEntryBytes;
        engine::encode_log_start_entry(Offset(start), place.data);
    }

    struct AtomicPart {
        PartitionKey key;
        std::int64_t base = 0;
        int count = 1;
    };

    // All of them in one entry.
    void atomic_entry(std::uint32_t directory,
                      std::uint32_t run,
                      const std::vector<AtomicPart>& parts) {
        std::vector<std::byte> payload(engine::atomic_table_bytes(parts.size()));
        engine::store_atomic_head(payload.data(), static_cast<std::uint32_t>(parts.size()));
        for (std::uint32_t index = 0; index < parts.size(); ++index) {
            entry(directory, run, parts[index].key, parts[index].base, parts[index].count);
            auto& wal = state_.wals[directory];
            const auto& place = wal.entries.back().place;
            engine::store_atomic_row(payload.data(), index, parts[index].key, place.size);
            payload.insert(payload.end(), place.data, place.data + place.size);
            --wal.slots[0].use->unflushed_entries;
            wal.entries.pop_back();
        }
        entry(directory, run, parts.front().key, 0, 1, EntryKind::atomic);
        auto& place = state_.wals[directory].entries.back().place;
        payloads_.push_back(std::move(payload));
        place.data = payloads_.back().data();
        place.size = static_cast<std::uint32_t>(payloads_.back().size());
    }

    Result<void> merge() { return merge_recovered(state_, events_); }

    RecoveredPartition& partition(const PartitionKey& key) {
        const auto shards = static_cast<std::uint32_t>(state_.shards.size());
        return state_.shards[shard_of(key, shards)].partitions.at(key);
    }

    std::uint64_t live_entries(std::uint32_t directory) {
        return state_.wals[directory].slots[0].use->unflushed_entries;
    }

    // "0-3 3-5"
    static std::string ranges(const RecoveredLog& log) {
        std::string text;
        for (const auto& each : log.tail) {
            text += (text.empty() ? "" : " ") + std::to_string(each.base.value) + "-" +
                    std::to_string(each.end.value);
        }
        return text;
    }

    RecoveredState state_;
    CollectedEvents events_;
    std::deque<std::vector<std::byte>> payloads_;
};

TEST_F(RecoveryMerge, TakesEntriesOfAllDirectoriesRunByRun) {
    begin(3);
    const auto key = key_on(1, 3);
    entry(0, 2, key, 3, 2);  // Run 2 had one shard, run 1 three, run 3 two.
    entry(1, 1, key, 0, 3);
    entry(1, 3, key, 5, 1);
    entry(2, 4, key, 6, 4);
    ASSERT_TRUE(merge());
    EXPECT_EQ(ranges(partition(key).log), "0-3 3-5 5-6 6-10");
    EXPECT_FALSE(partition(key).gap);
    EXPECT_EQ(state_.summary.partitions, 1U);
}

TEST_F(RecoveryMerge, CountsForeignEntriesInAStandInThatTheFileCountsOnce) {
    begin(2);
    const auto key = key_on(1, 2);
    entry(0, 1, key, 0, 1);
    entry(0, 1, key, 1, 1);
    entry(0, 1, key_on(0, 2), 0, 1);
    ASSERT_TRUE(merge());
    ASSERT_EQ(state_.shards[1].foreign.size(), 1U);
    const auto& stand_in = state_.shards[1].foreign.front();
    EXPECT_EQ(stand_in.use.unflushed_entries, 2U);
    EXPECT_EQ(stand_in.directory, 0U);
    EXPECT_EQ(stand_in.original, state_.wals[0].slots[0].use.get());
    EXPECT_EQ(partition(key).log.tail[1].place.file, &stand_in.use);
    EXPECT_EQ(live_entries(0), 2U);  // The stand-in and the partition of its own.
    EXPECT_TRUE(state_.shards[0].foreign.empty());
}

TEST_F(RecoveryMerge, PutsThePartsOfAnAtomicEntryWhereTheirLogsHaveReachedThem) {
    begin(3);
    const auto near = key_on(0, 3);
    const auto far = key_on(2, 3);
    entry(0, 1, near, 0, 3);
    atomic_entry(0, 1, {{near, 3, 2}, {far, 4, 1}});
    entry(0, 1, near, 5, 1);
    entry(2, 1, far, 0, 4);
    entry(2, 1, far, 5, 2);
    atomic_entry(1, 1, {{far, 7, 2}});
    ASSERT_TRUE(merge());
    EXPECT_EQ(ranges(partition(near).log), "0-3 3-5 5-6");
    EXPECT_EQ(ranges(partition(far).log), "0-4 4-5 5-7 7-9");
    EXPECT_FALSE(partition(far).gap);
    // Each part counts by itself: three of its own shard, and one share of another.
    EXPECT_EQ(live_entries(0), 4U);
    EXPECT_EQ(live_entries(1), 1U);
    EXPECT_EQ(state_.shards[2].foreign.size(), 2U);
}

TEST_F(RecoveryMerge, TakesAPartOfAnAtomicEntryThoughAnotherIsStoredOrDeleted) {
    begin(2);
    const auto stored = key_on(0, 2);
    const auto taken = key_on(1, 2);
    row(stored, 2);
    start_entry(0, 1, stored, 1);
    atomic_entry(0, 1, {{stored, 0, 2}, {taken, 0, 3}});
    ASSERT_TRUE(merge());
    EXPECT_EQ(ranges(partition(taken).log), "0-3");
    EXPECT_EQ(partition(stored).log.row.flushed_offset, Offset(2));
    // The log start of its own, and one share.
    EXPECT_EQ(live_entries(0), 2U);
}

TEST_F(RecoveryMerge, MissesWhatAnAtomicEntryFollows) {
    begin(2);
    const auto key = key_on(1, 2);
    entry(1, 1, key, 0, 1);
    atomic_entry(0, 1, {{key_on(0, 2), 0, 1}, {key, 3, 1}});
    ASSERT_TRUE(merge());
    ASSERT_TRUE(partition(key).gap);
    EXPECT_EQ(partition(key).gap->from, Offset(1));
    EXPECT_EQ(partition(key).gap->to, Offset(3));
}

TEST_F(RecoveryMerge, RefusesAnAtomicEntryOfWrongLengths) {
    begin(1);
    atomic_entry(0, 1, {{key_of(0), 0, 1}, {key_of(1), 0, 1}});
    --state_.wals[0].entries.back().place.size;
    EXPECT_EQ(merge().error().code, Errc::damaged_wal);
}

TEST_F(RecoveryMerge, ReleasesWhatSegmentsHold) {
    begin(1);
    row(key_of(0), 4);
    entry(0, 1, key_of(0), 0, 2);
    entry(0, 1, key_of(0), 2, 2);
    entry(0, 1, key_of(0), 4, 3);
    ASSERT_TRUE(merge());
    EXPECT_EQ(ranges(partition(key_of(0)).log), "4-7");
    EXPECT_EQ(live_entries(0), 1U);
    EXPECT_EQ(partition(key_of(0)).log.row.flushed_offset, Offset(4));
}

TEST_F(RecoveryMerge, KeepsAnEntryThatSegmentsHoldInPart) {
    begin(1);
    row(key_of(0), 1);
    entry(0, 1, key_of(0), 0, 2);
    ASSERT_TRUE(merge());
    EXPECT_EQ(ranges(partition(key_of(0)).log), "0-2");
    EXPECT_EQ(live_entries(0), 1U);
}

TEST_F(RecoveryMerge, CutsAtAGapAndSaysWhatIsMissing) {
    begin(1);
    row(key_of(0), 2);
    entry(0, 1, key_of(0), 2, 1);
    entry(0, 1, key_of(0), 5, 2);
    entry(0, 1, key_of(0), 7, 1);
    ASSERT_TRUE(merge());
    EXPECT_EQ(ranges(partition(key_of(0)).log), "2-3");
    ASSERT_TRUE(partition(key_of(0)).gap);
    EXPECT_EQ(partition(key_of(0)).gap->from, Offset(3));
    EXPECT_EQ(partition(key_of(0)).gap->to, Offset(5));
    EXPECT_EQ(partition(key_of(0)).gap->end, Offset(8));
    EXPECT_EQ(live_entries(0), 1U);
}

TEST_F(RecoveryMerge, FindsNoGapWhereAnotherDirectoryFillsIt) {
    begin(2);
    const auto key = key_on(0, 2);
    entry(0, 1, key, 0, 2);
    entry(1, 2, key, 2, 2);
    entry(0, 3, key, 4, 1);
    ASSERT_TRUE(merge());
    EXPECT_FALSE(partition(key).gap);
    state_ = {};
    begin(2);
    entry(0, 1, key, 0, 2);
    entry(0, 3, key, 4, 1);
    ASSERT_TRUE(merge());
    EXPECT_TRUE(partition(key).gap);
}

TEST_F(RecoveryMerge, SendsMetadataToShardZero) {
    begin(3);
    row({kMetadataTopic, 0}, 1);
    entry(2, 1, {kMetadataTopic, 0}, 1, 1);
    ASSERT_TRUE(merge());
    EXPECT_EQ(state_.shards[0].partitions.size(), 1U);
    EXPECT_EQ(ranges(state_.shards[0].partitions.at({kMetadataTopic, 0}).log), "1-2");
}

TEST_F(RecoveryMerge, RefusesKindsOfALaterVersion) {
    begin(1);
    entry(0, 1, key_of(0), 0, 1, EntryKind::truncate);
    const auto outcome = merge();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::newer_format);
}

TEST_F(RecoveryMerge, TakesLogStartsOfAllDirectoriesAndKeepsThemWithoutRecords) {
    begin(3);
    const auto key = key_on(1, 3);
    row(key, 2);
    entry(0, 1, key, 2, 3);
    start_entry(0, 1, key, 4);
    start_entry(1, 2, key, 3);  // No run writes it; it would change nothing.
    entry(1, 2, key, 5, 1);
    start_entry(2, 3, key, 6);
    ASSERT_TRUE(merge());
    const auto& log = partition(key).log;
    EXPECT_EQ(log.row.log_start, Offset(6));
    EXPECT_EQ(ranges(log), "6-6 6-6");
    EXPECT_EQ(log.tail[1].place.size, 0U);
    EXPECT_EQ(log.row.flushed_offset, Offset(6));
    EXPECT_EQ(live_entries(1), 0U);
    EXPECT_EQ(state_.shards[1].foreign.size(), 2U);
    EXPECT_EQ(state_.shards[1].foreign.front().use.unflushed_entries, 1U);
    EXPECT_FALSE(partition(key).gap);
}

TEST_F(RecoveryMerge, ReleasesALogStartThatTheCheckpointHas) {
    begin(1);
    row(key_of(0), 5);
    state_.checkpoint.newest->partitions[0].log_start = Offset(4);
    start_entry(0, 1, key_of(0), 4);
    ASSERT_TRUE(merge());
    EXPECT_EQ(partition(key_of(0)).log.row.log_start, Offset(4));
    EXPECT_EQ(ranges(partition(key_of(0)).log), "");
    EXPECT_EQ(live_entries(0), 0U);
}

TEST_F(RecoveryMerge, GoesOnBehindALogStartThatLiesBeyondAllThatIsLeft) {
    begin(1);
    row(key_of(0), 2);
    state_.checkpoint.newest->partitions[0].log_start = Offset(9);
    entry(0, 1, key_of(0), 2, 3);
    start_entry(0, 1, key_of(0), 9);
    ASSERT_TRUE(merge());
    const auto& log = partition(key_of(0)).log;
    EXPECT_EQ(log.row.flushed_offset, Offset(9));
    EXPECT_EQ(ranges(log), "");
    EXPECT_EQ(live_entries(0), 0U);
    EXPECT_TRUE(log.row.segments.back().sealed);

    state_ = {};
    begin(1);
    row(key_of(0), 2);
    entry(0, 1, key_of(0), 2, 3);
    start_entry(0, 1, key_of(0), 9);
    ASSERT_TRUE(merge());
    EXPECT_EQ(ranges(partition(key_of(0)).log), "9-9");
    EXPECT_EQ(live_entries(0), 1U);
}

TEST_F(RecoveryMerge, SkipsDeletedBatchesBehindAllThatTheCheckpointNames) {
    begin(1);
    row(key_of(0), 2);
    entry(0, 1, key_of(0), 2, 3);
    entry(0, 1, key_of(0), 5, 4);
    start_entry(0, 1, key_of(0), 7);
    ASSERT_TRUE(merge());
    const auto& log = partition(key_of(0)).log;
    EXPECT_EQ(log.row.flushed_offset, Offset(5));
    EXPECT_TRUE(log.row.segments.back().sealed);
    EXPECT_EQ(ranges(log), "5-9 9-9");
    EXPECT_EQ(live_entries(0), 2U);
}

TEST_F(RecoveryMerge, SkipsNothingWhileTheCheckpointNamesRecordsAboveTheLogStart) {
    begin(1);
    row(key_of(0), 5);
    entry(0, 1, key_of(0), 5, 4);
    start_entry(0, 1, key_of(0), 4);
    ASSERT_TRUE(merge());
    const auto& log = partition(key_of(0)).log;
    EXPECT_EQ(log.row.flushed_offset, Offset(5));
    EXPECT_FALSE(log.row.segments.back().sealed);
    EXPECT_EQ(ranges(log), "5-9 9-9");
}

TEST_F(RecoveryMerge, MissesNothingThatWasDeleted) {
    begin(1);
    row(key_of(0), 2);
    state_.checkpoint.newest->partitions[0].log_start = Offset(9);
    entry(0, 1, key_of(0), 2, 3);
    entry(0, 2, key_of(0), 9, 2);
    ASSERT_TRUE(merge());
    EXPECT_FALSE(partition(key_of(0)).gap);
    EXPECT_EQ(ranges(partition(key_of(0)).log), "9-11");
    EXPECT_EQ(live_entries(0), 1U);
}

TEST_F(RecoveryMerge, MissesWhatLiesAboveTheLogStart) {
    begin(1);
    row(key_of(0), 2);
    start_entry(0, 1, key_of(0), 1);
    entry(0, 1, key_of(0), 4, 2);
    ASSERT_TRUE(merge());
    EXPECT_TRUE(partition(key_of(0)).gap);
}

TEST_F(RecoveryMerge, RefusesALogStartThatIsNoOffset) {
    begin(1);
    start_entry(0, 1, key_of(0), -2);
    const auto outcome = merge();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::damaged_wal);
}

TEST_F(RecoveryMerge, RefusesAnEntryThatOverlapsTheOneBefore) {
    begin(1);
    entry(0, 1, key_of(0), 0, 3);
    entry(0, 1, key_of(0), 2, 3);
    const auto outcome = merge();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::damaged_wal);
    EXPECT_NE(events_.text().find("recovery.bad_entry"), std::string::npos);
}

TEST_F(RecoveryMerge, RefusesAnEntryThatIsNoBatch) {
    begin(1);
    entry(0, 1, key_of(0), 0, 3);
    state_.wals[0].entries[0].place.size -= 1;
    const auto outcome = merge();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::damaged_wal);
}

}  // namespace
}  // namespace millrace::testing
