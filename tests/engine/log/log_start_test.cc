// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Log starts that move: what readers get, what stays on disk, what a restart finds.
#include "engine/format/log_start_entry.h"
#include "engine/format/record_batch.h"
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::FinishedDelete;
using testing::FinishedRead;
using testing::LogHarness;
using testing::SimOperation;
using testing::stored;

// Two batches make a segment.
constexpr LogConfig kSmallSegments{.segment_bytes = 800};

std::vector<std::byte> batch(std::int64_t number) {
    return batch_of(
            std::string(300, static_cast<char>('a' + number % 26)), 1, 1'700'000'000'000 + number);
}

// Offsets 0 to 9, five segments of two.
void append_ten(LogHarness& harness) {
    for (int i = 0; i < 10; ++i)
        harness.append(batch(i));
}

std::vector<std::string> log_files(const LogHarness& harness) {
    auto names = harness.folder();
    std::erase_if(names, [](const auto& name) { return !name.ends_with(".log"); });
    return names;
}

bool has_file_of(const LogHarness& harness, const std::string& base) {
    return std::ranges::any_of(harness.folder(),
                               [&](const auto& name) { return name.starts_with(base); });
}

void expect_from(LogHarness& harness, std::int64_t start, std::int64_t end) {
    EXPECT_EQ(harness.log->offsets().log_start, Offset(start));
    EXPECT_EQ(harness.log->offsets().log_end, Offset(end));
    if (start > 0) {
        EXPECT_EQ(harness.read(start - 1).outcome, failure(Errc::offset_out_of_range));
    }
    for (auto offset = start; offset < end; ++offset) {
        const auto read = harness.read(offset, 1);
        ASSERT_TRUE(read.outcome.has_value()) << offset;
        const auto view = BatchView::trusted(read.slices.front().data);
        EXPECT_EQ(view.base_offset(), Offset(offset));
        EXPECT_EQ(read.bytes_read(), stored(batch(offset), offset, view.leader_epoch()));
    }
}

TEST(LogStart, IsMovedOnceItsEntryIsFlushedAndNotBefore) {
    LogHarness harness;
    harness.open(kSmallSegments);
    append_ten(harness);
    harness.only_files();
    FinishedDelete op;
    op.before = Offset(4);
    harness.log->delete_before(op);
    harness.settle();
    EXPECT_FALSE(op.finished);
    EXPECT_EQ(harness.log->offsets().log_start, Offset(0));
    EXPECT_TRUE(harness.read(0).outcome.has_value());
    EXPECT_TRUE(has_file_of(harness, "00000000000000000000"));

    const auto& entry = harness.wal.entries.back();
    EXPECT_EQ(entry.kind, EntryKind::log_start);
    EXPECT_TRUE(entry.synced);
    EXPECT_EQ(decode_log_start_entry({entry.place.data, entry.place.size}), Offset(4));
    harness.wal.flush_all();
    EXPECT_TRUE(op.finished);
    EXPECT_TRUE(op.outcome.has_value());
    EXPECT_EQ(op.log_start, Offset(4));
    EXPECT_EQ(op.segments, 2U);
    expect_from(harness, 4, 10);
}

TEST(LogStart, TakesFilesOfWholeSegmentsBelowItAndSyncsTheirFolder) {
    LogHarness harness;
    harness.open(kSmallSegments);
    append_ten(harness);
    harness.only_files();
    const auto bytes = harness.log->size_bytes();
    bool unlinked = false;
    bool synced_after = false;
    harness.disk.set_observer([&](const SimOperation& operation) {
        unlinked = unlinked || operation.kind == FileOpKind::unlink;
        synced_after = unlinked && operation.kind == FileOpKind::sync_directory;
    });
    const auto op = harness.delete_before(5);
    EXPECT_EQ(op.segments, 2U);
    harness.settle();
    harness.disk.set_observer(nullptr);
    EXPECT_TRUE(synced_after);
    EXPECT_FALSE(has_file_of(harness, "00000000000000000000"));
    EXPECT_FALSE(has_file_of(harness, "00000000000000000002"));
    EXPECT_TRUE(has_file_of(harness, "00000000000000000004"));
    EXPECT_EQ(harness.log->segment_count(), 3U);
    EXPECT_EQ(harness.log->size_bytes(), bytes - op.bytes);
    EXPECT_EQ(harness.counters.segments_deleted, 2U);
    EXPECT_EQ(harness.counters.segment_bytes_deleted, op.bytes);
    expect_from(harness, 5, 10);
}

TEST(LogStart, NeverGoesBackAndNeverBeyondWhatReadersSee) {
    LogHarness harness;
    harness.open(kSmallSegments);
    append_ten(harness);
    EXPECT_TRUE(harness.delete_before(6).outcome.has_value());
    const auto entries = harness.wal.entries.size();
    const auto back = harness.delete_before(3);
    EXPECT_TRUE(back.outcome.has_value());
    EXPECT_EQ(back.log_start, Offset(6));
    EXPECT_EQ(back.segments, 0U);
    EXPECT_EQ(harness.delete_before(11).outcome, failure(Errc::offset_out_of_range));
    harness.begin_append(batch(10), Durability::synced);
    FinishedDelete unseen;
    unseen.before = Offset(11);
    harness.log->delete_before(unseen);
    harness.settle();
    EXPECT_EQ(unseen.outcome, failure(Errc::offset_out_of_range));
    EXPECT_EQ(harness.wal.entries.size(), entries + 1);
    harness.wal.flush_all();
    expect_from(harness, 6, 11);
}

TEST(LogStart, OfEverythingLeavesAnEmptyLogThatGoesOn) {
    LogHarness harness;
    harness.open(kSmallSegments);
    append_ten(harness);
    harness.store_all();
    EXPECT_EQ(harness.delete_before(10).segments, 5U);
    harness.store_all();
    EXPECT_TRUE(log_files(harness).empty());
    EXPECT_EQ(harness.log->size_bytes(), 0U);
    expect_from(harness, 10, 10);
    EXPECT_EQ(harness.append(batch(10)), 10);
    const auto rows = harness.only_files();
    expect_from(harness, 10, 11);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].segments.front().base, Offset(10));
    harness.restart(rows);
    expect_from(harness, 10, 11);
}

TEST(LogStart, InFrontOfRecordsThatOnlyTheWalHoldsWaitsForTheirFiles) {
    LogHarness harness;
    harness.open(kSmallSegments);
    append_ten(harness);
    EXPECT_EQ(harness.delete_before(9).segments, 4U);
    expect_from(harness, 9, 10);
    harness.only_files();
    EXPECT_EQ(log_files(harness), std::vector<std::string>{"00000000000000000008.log"});
    expect_from(harness, 9, 10);
}

TEST(LogStart, IsFoundAgainByAReplayThatKnowsAllOrNothingOfIt) {
    for (const bool in_checkpoint : {false, true}) {
        LogHarness harness;
        harness.open(kSmallSegments);
        append_ten(harness);
        auto rows = harness.only_files();
        harness.delete_before(5);
        harness.settle();
        if (in_checkpoint) rows = harness.only_files();
        harness.restart(rows);
        expect_from(harness, 5, 10);
        harness.settle();
        EXPECT_FALSE(has_file_of(harness, "00000000000000000002"));
        EXPECT_EQ(harness.append(batch(10)), 10);
        harness.restart(harness.only_files());
        expect_from(harness, 5, 11);
    }
}

TEST(LogStart, IsReplayedThoughTheLastSegmentThatTheCheckpointNamesIsGone) {
    LogHarness harness;
    harness.open(kSmallSegments);
    for (int i = 0; i < 3; ++i)
        harness.append(batch(i));
    const auto rows = harness.only_files();
    harness.append(batch(3));
    harness.delete_before(4);
    harness.store_all();
    EXPECT_TRUE(log_files(harness).empty());
    harness.append(batch(4));
    harness.restart(rows);
    expect_from(harness, 4, 5);
    harness.append(batch(5));
    harness.restart(harness.only_files());
    expect_from(harness, 4, 6);
    EXPECT_FALSE(harness.failure);
}

TEST(LogStart, KeepsItsWalFileUntilACheckpointHasIt) {
    LogHarness harness;
    harness.open(kSmallSegments);
    append_ten(harness);
    harness.only_files();
    EXPECT_EQ(harness.wal.unflushed(), 0U);
    harness.delete_before(4);
    EXPECT_EQ(harness.wal.unflushed(), 1U);
    harness.store_all();
    EXPECT_EQ(harness.wal.unflushed(), 1U);
    const auto rows = harness.checkpoint();
    EXPECT_EQ(rows.front().log_start, Offset(4));
    EXPECT_EQ(harness.wal.unflushed(), 0U);
}

TEST(LogStart, OfALogWithoutSegmentsStaysInTheCheckpoint) {
    LogHarness harness;
    harness.open(kSmallSegments);
    append_ten(harness);
    harness.only_files();
    harness.delete_before(10);
    const auto rows = harness.only_files();
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_TRUE(rows[0].segments.empty());
    EXPECT_EQ(rows[0].log_start, Offset(10));
    EXPECT_EQ(rows[0].flushed_offset, Offset(10));
    harness.wal.lose_everything();
    harness.restart(rows);
    expect_from(harness, 10, 10);
    EXPECT_EQ(harness.append(batch(10)), 10);
}

TEST(LogStart, EndsAReadThatItPassesAndLeavesTheFileUntilThen) {
    LogHarness harness;
    harness.open(kSmallSegments);
    append_ten(harness);
    harness.only_files();
    FinishedRead passed;
    passed.from = Offset(1);
    passed.limit = Offset(10);
    passed.bytes_max = 100;
    ASSERT_EQ(harness.log->read(passed), ReadStatus::pending);
    FinishedRead kept;
    kept.from = Offset(4);
    kept.limit = Offset(10);
    kept.bytes_max = 100;
    ASSERT_EQ(harness.log->read(kept), ReadStatus::pending);
    harness.delete_before(4);
    ASSERT_TRUE(harness.run_until([&] { return passed.finished && kept.finished; }));
    EXPECT_EQ(passed.outcome, failure(Errc::offset_out_of_range));
    EXPECT_TRUE(kept.outcome.has_value());
    EXPECT_EQ(kept.bytes_read(), stored(batch(4), 4));
    harness.settle();
    EXPECT_FALSE(has_file_of(harness, "00000000000000000000"));
}

TEST(LogStart, LetsALookUpByTimeGoOnBehindIt) {
    LogHarness harness;
    harness.open(kSmallSegments);
    append_ten(harness);
    harness.only_files();
    testing::FoundTime op;
    op.timestamp = 1'700'000'000'001;
    op.limit = Offset(10);
    harness.log->look_up_time(op);
    harness.logs->end_turn();  // It waits for the file of the first segment.
    harness.delete_before(7);
    ASSERT_TRUE(harness.run_until([&] { return op.finished; }));
    ASSERT_TRUE(op.found);
    EXPECT_EQ(op.offset, Offset(7));
    EXPECT_EQ(harness.look_up(0).offset, Offset(7));
}

TEST(LogStart, InsideABatchHidesTheBatchesFirstRecordsFromALookUp) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("five", 5));
    harness.delete_before(3);
    const auto found = harness.look_up(0);
    ASSERT_TRUE(found.found);
    EXPECT_EQ(found.offset, Offset(3));
    const auto read = harness.read(3);
    EXPECT_EQ(read.bytes_read(), stored(batch_of("five", 5), 0));
}

TEST(LogStart, ForgetsEpochsThatEndedBelowIt) {
    LogHarness harness;
    harness.open(kSmallSegments);
    for (int i = 0; i < 4; ++i)
        harness.append(batch(i));
    harness.restart(harness.only_files(), true);
    for (int i = 4; i < 8; ++i)
        harness.append(batch(i));
    EXPECT_EQ(harness.log->epoch_end(0).end_offset, Offset(4));
    harness.delete_before(6);
    EXPECT_EQ(harness.log->epoch_end(0).epoch, -1);
    EXPECT_EQ(harness.log->epoch_end(0).end_offset, Offset(6));
    const auto rows = harness.only_files();
    EXPECT_EQ(rows.front().epochs, (std::vector<EpochRow>{{1, Offset(6)}}));
}

TEST(LogStart, IsRefusedWhenTheWalHasNoRoomAndMayBeMovedLater) {
    LogHarness harness;
    harness.open(kSmallSegments);
    append_ten(harness);
    harness.wal.refuse = Errc::no_room;
    EXPECT_EQ(harness.delete_before(4).outcome, failure(Errc::no_room));
    EXPECT_EQ(harness.log->offsets().log_start, Offset(0));
    EXPECT_TRUE(harness.delete_before(4).outcome.has_value());
    expect_from(harness, 4, 10);
}

TEST(LogStart, OfARemovedLogIsToldThatItIsGone) {
    LogHarness harness;
    harness.open(kSmallSegments);
    append_ten(harness);
    harness.only_files();
    harness.delete_before(4);
    FinishedDelete op;
    op.before = Offset(6);
    harness.log->delete_before(op);
    EngineOp removal;
    bool removed = false;
    removal.owner = &removed;
    removal.done = [](EngineOp& done) noexcept { *static_cast<bool*>(done.owner) = true; };
    harness.logs->remove(testing::kOrders, removal);
    EXPECT_TRUE(op.finished);
    EXPECT_EQ(op.outcome, failure(Errc::shutting_down));
    ASSERT_TRUE(harness.run_until([&] { return removed; }));
    harness.settle();
    EXPECT_TRUE(harness.folder().empty());
}

TEST(LogStart, FilesThatComeBackGoWithTheNextRunThatStoresSomething) {
    LogHarness harness;
    harness.open(kSmallSegments);
    append_ten(harness);
    harness.only_files();
    auto before = harness.disk.killed();
    harness.delete_before(4);
    const auto rows = harness.only_files();
    harness.restart_on(std::move(before), rows, true);
    EXPECT_TRUE(has_file_of(harness, "00000000000000000000"));
    expect_from(harness, 4, 10);
    harness.append(batch(10));
    harness.only_files();
    EXPECT_FALSE(has_file_of(harness, "00000000000000000000"));
    EXPECT_FALSE(has_file_of(harness, "00000000000000000002"));
    expect_from(harness, 4, 11);
}

}  // namespace
}  // namespace millrace::engine
