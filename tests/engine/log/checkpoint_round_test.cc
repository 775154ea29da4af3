// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::kOrders;
using testing::LogHarness;
using testing::SimOperation;
using testing::operator+;
using testing::stored;

struct Prepared : PrepareOp {
    Prepared() {
        done = [](PrepareOp& op) noexcept { static_cast<Prepared&>(op).finished = true; };
    }

    bool finished = false;
};

TEST(CheckpointRound, NamesWhatRunsHaveStoredAndNoMore) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a", 2));
    harness.append(batch_of("b", 3));
    EXPECT_TRUE(harness.checkpoint().empty());
    harness.store_all();
    harness.append(batch_of("c"));
    const auto rows = harness.checkpoint();
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].key, kOrders);
    EXPECT_EQ(rows[0].flushed_offset, Offset(5));
    ASSERT_EQ(rows[0].segments.size(), 1U);
    const auto& segment = rows[0].segments[0];
    EXPECT_EQ(segment.bytes, batch_of("a", 2).size() + batch_of("b", 3).size());
    EXPECT_EQ(segment.largest_timestamp, 1'700'000'000'000);
    EXPECT_EQ(segment.largest_timestamp_offset, Offset(1));
    EXPECT_FALSE(segment.sealed);
    EXPECT_EQ(harness.wal.unflushed(), 1U);
}

TEST(CheckpointRound, IsDoneOnlyWhenEverythingItNamesIsSynced) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of(std::string(5000, 'x')));
    harness.store_all();
    const auto rows = harness.checkpoint();
    const auto nothing_else = [] { return false; };
    harness.wal.lose_everything();
    harness.restart_on(harness.disk.crashed(nothing_else, 512), rows, true);
    EXPECT_EQ(harness.read(0).bytes_read(), stored(batch_of(std::string(5000, 'x')), 0));
}

TEST(CheckpointRound, ReleasesNothingWhenItIsAbandoned) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a"));
    harness.store_all();
    Prepared op;
    harness.logs->prepare_checkpoint(op);
    ASSERT_TRUE(harness.run_until([&op] { return op.finished; }));
    ASSERT_EQ(op.releases.size(), 1U);
    EXPECT_EQ(op.releases[0].entries, 1U);
    harness.logs->checkpoint_abandoned();
    EXPECT_EQ(harness.wal.unflushed(), 1U);
    harness.checkpoint();
    EXPECT_EQ(harness.wal.unflushed(), 0U);
}

TEST(CheckpointRound, IsWantedWhenItWouldFreeAWholeFile) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a"));
    harness.store_all();
    EXPECT_FALSE(harness.logs->wants_round());  // The file is still being written.
    harness.wal.next_file();
    harness.append(batch_of("b"));
    EXPECT_TRUE(harness.logs->wants_round());
    harness.checkpoint();
    EXPECT_FALSE(harness.logs->wants_round());
}

TEST(CheckpointRound, FailsForGoodWhenASyncFails) {
    for (const auto kind : {FileOpKind::sync_data, FileOpKind::sync_directory}) {
        LogHarness harness;
        harness.open();
        harness.append(batch_of("a"));
        harness.store_all();
        harness.disk.set_fault({.operation = harness.disk.operations(), .error = 5, .kind = kind});
        Prepared op;
        harness.logs->prepare_checkpoint(op);
        ASSERT_TRUE(harness.run_until([&op] { return op.finished; }));
        EXPECT_EQ(op.outcome.error(), (Error{Errc::io_failed, 5}));
        EXPECT_EQ(harness.failure, (Error{Errc::io_failed, 5}));
        harness.disk.clear_fault();
        const auto operations = harness.disk.operations();
        harness.settle();
        EXPECT_EQ(harness.disk.operations(), operations);  // Nothing is tried again.
        EXPECT_FALSE(harness.begin_append(batch_of("b")).admitted.has_value());
    }
}

TEST(CheckpointRound, GivesUpEntriesOfALogThatIsRemovedMeanwhileOnce) {
    for (const bool before_done : {false, true}) {
        LogHarness harness;
        harness.open();
        harness.append(batch_of("a"));
        harness.store_all();
        harness.append(batch_of("b"));
        Prepared op;
        harness.logs->prepare_checkpoint(op);
        EngineOp removal;
        bool removed = false;
        removal.owner = &removed;
        removal.done = [](EngineOp& ended) noexcept { *static_cast<bool*>(ended.owner) = true; };
        if (before_done) harness.logs->remove(kOrders, removal);
        ASSERT_TRUE(harness.run_until([&op] { return op.finished; }));
        std::uint64_t promised = 0;
        for (const auto& release : op.releases)
            promised += release.entries;
        EXPECT_EQ(promised, before_done ? 0U : 1U);
        if (!before_done) harness.logs->remove(kOrders, removal);
        EXPECT_EQ(harness.wal.unflushed(), promised);
        harness.logs->checkpoint_durable();
        EXPECT_EQ(harness.wal.unflushed(), 0U);
        EXPECT_TRUE(harness.run_until([&removed] { return removed; }));
        EXPECT_TRUE(removal.outcome.has_value());
    }
}

TEST(CheckpointRound, SyncsManyLogsAtOnceAndEachWhenThatFails) {
    for (const bool fails : {false, true}) {
        LogHarness harness;
        std::vector<Log*> opened;
        for (std::uint32_t i = 0; i < 600; ++i) {
            const PartitionKey key{kOrders.topic, 100 + i};
            opened.push_back(&harness.logs->open(key, "many-" + std::to_string(i), {}, nullptr));
            harness.log = opened.back();
            harness.append(batch_of("a"));
        }
        harness.store_all();
        std::size_t filesystem_syncs = 0;
        std::size_t syncs = 0;
        harness.disk.set_observer([&](const SimOperation& operation) {
            filesystem_syncs += operation.kind == FileOpKind::sync_filesystem ? 1 : 0;
            syncs += operation.kind == FileOpKind::sync_data ? 1 : 0;
        });
        if (fails) {
            harness.disk.set_fault({.operation = harness.disk.operations(),
                                    .error = 5,
                                    .kind = FileOpKind::sync_filesystem});
        }
        EXPECT_EQ(harness.checkpoint().size(), 600U);
        EXPECT_EQ(filesystem_syncs, 1U);
        EXPECT_EQ(syncs, fails ? 600U : 0U);
        EXPECT_EQ(harness.failure, std::nullopt);
        harness.disk.set_observer({});
    }
}

}  // namespace
}  // namespace millrace::engine
