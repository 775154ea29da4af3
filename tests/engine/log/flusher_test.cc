// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/base/payload_copy.h"
#include "engine/units.h"
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::FinishedRead;
using testing::kOrders;
using testing::LogHarness;
using testing::SimOperation;
using testing::stored;

TEST(Flusher, StoresNothingWhileLittleOfTheWalIsLive) {
    LogHarness harness;
    harness.open();
    harness.wal.live = 249;
    for (int i = 0; i < 100; ++i)
        harness.append(batch_of(std::string(50'000, 'x')));
    harness.settle();
    EXPECT_EQ(harness.counters.runs, 0U);
}

TEST(Flusher, FollowsWhatComesInAndHurriesWhenTheWalFills) {
    for (const auto& [live, least, most] : {std::tuple{300U, 9U, 11U}, {600U, 19U, 21U}}) {
        LogHarness harness({.run_bytes = 100'000});
        harness.open();
        harness.wal.live = 0;
        for (int i = 0; i < 60; ++i)
            harness.append(batch_of(std::string(99'000, 'x')));
        harness.wal.live = live;
        for (int i = 0; i < 10; ++i) {
            harness.append(batch_of(std::string(99'000, 'x')));
            harness.settle();
        }
        for (int i = 0; i < 30; ++i)
            harness.settle();
        EXPECT_GE(harness.counters.runs, least) << live;
        EXPECT_LE(harness.counters.runs, most) << live;
        harness.wal.live = 750;
        harness.settle();
        for (int i = 0; i < 100; ++i)
            harness.settle();
        EXPECT_EQ(harness.counters.run_bytes, harness.log->size_bytes());
    }
}

TEST(Flusher, CopiesEveryByteOnceAndWritesWithinItsLimits) {
    LogHarness harness;
    harness.open();
    std::uint64_t largest = 0;
    harness.disk.set_observer([&largest](const SimOperation& operation) {
        if (operation.kind != FileOpKind::write) return;
        largest = std::max(largest, operation.length);
    });
    for (int i = 0; i < 40; ++i)
        harness.append(batch_of(std::string(70'000, 'x')));
    const auto before = payload_copies().bytes;
    harness.store_all();
    EXPECT_EQ(payload_copies().bytes - before, harness.log->size_bytes());
    EXPECT_EQ(largest, 256 * kKiB);
    harness.disk.set_observer({});
}

TEST(Flusher, WaitsForRoomOnAFullDiskAndGoesOnByItself) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of(std::string(20'000, 'x')));
    harness.disk.set_free_space(8192);
    harness.wal.live = 900;
    harness.settle();
    EXPECT_EQ(harness.counters.runs, 0U);
    EXPECT_EQ(harness.failure, std::nullopt);
    EXPECT_LT(harness.logs->next_deadline(), MonotonicTime::max());
    harness.disk.set_free_space(10 * kMiB);
    ASSERT_TRUE(harness.run_until([&] { return harness.counters.runs == 1; }));
    harness.only_files();
    EXPECT_EQ(harness.read(0).bytes_read(), stored(batch_of(std::string(20'000, 'x')), 0));
}

TEST(Flusher, FailsForGoodWithAnyOtherFailedOperation) {
    // The same work with its n-th operation failing, for every n.
    std::uint64_t operations = 0;
    for (std::uint64_t failing = 0; failing == 0 || failing <= operations; ++failing) {
        LogHarness harness;
        if (failing > 0) harness.disk.set_fault({.operation = failing - 1, .error = EIO});
        harness.open({.segment_bytes = 3000, .index_interval_bytes = 500});
        for (int i = 0; i < 6; ++i)
            harness.append(batch_of(std::string(900, 'x')));
        harness.store_all();
        if (failing == 0) {
            operations = harness.disk.operations();
            EXPECT_EQ(harness.failure, std::nullopt);
            EXPECT_GT(operations, 30U);
        } else if (harness.disk.fault_hit()) {
            EXPECT_EQ(harness.failure, (Error{Errc::io_failed, EIO})) << failing;
            EXPECT_FALSE(harness.failed_what.empty());
        }
    }
}

TEST(Flusher, TakesAShortWriteForAFailure) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a"));
    harness.disk.set_fault({.operation = 0, .short_write = true, .kind = FileOpKind::write});
    harness.store_all();
    ASSERT_TRUE(harness.failure.has_value());
    EXPECT_EQ(harness.failure->code, Errc::io_failed);
}

TEST(Flusher, ClosesFilesOfIdlePartitions) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a"));
    harness.only_files();
    std::uint64_t closed = 0;
    harness.disk.set_observer([&closed](const SimOperation& operation) {
        closed += operation.kind == FileOpKind::close ? 1 : 0;
    });
    harness.clock.advance(std::chrono::seconds(31));
    harness.settle();
    EXPECT_EQ(closed, 1U);
    EXPECT_EQ(harness.logs->next_deadline(), MonotonicTime::max());
    harness.disk.set_observer({});
}

TEST(Flusher, StoresEverythingAtACleanStop) {
    LogHarness harness;
    harness.open({.index_interval_bytes = 1000});
    for (int i = 0; i < 20; ++i)
        harness.append(batch_of(std::string(700, 'x')));
    ASSERT_TRUE(harness.flush_all().has_value());
    EXPECT_EQ(harness.counters.run_bytes, harness.log->size_bytes());
    EXPECT_GT(harness.file("00000000000000000000.index").size(), 0U);
    EXPECT_GT(harness.file("leader-epoch-checkpoint").size(), 0U);
    const auto rows = harness.checkpoint();
    EXPECT_EQ(harness.wal.unflushed(), 0U);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].flushed_offset, Offset(20));
}

TEST(Flusher, SaysThatACleanStopFoundNoRoom) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of(std::string(50'000, 'x')));
    harness.disk.set_free_space(16'384);
    EXPECT_EQ(harness.flush_all().error().code, Errc::storage_full);
    EXPECT_EQ(harness.failure, std::nullopt);
}

// Nothing more comes in, which would let the flusher go on: whoever would append is refused.
TEST(Flusher, TriesWhatFoundNoRoomAgainWhateverThePace) {
    LogHarness harness({.run_bytes = 100'000});
    harness.open();
    harness.wal.live = 300;
    harness.disk.set_free_space(16'384);
    harness.append(batch_of(std::string(99'000, 'x')));
    harness.settle();
    EXPECT_TRUE(harness.logs->refused_space());
    EXPECT_EQ(harness.counters.runs, 0U);
    harness.disk.set_free_space(1'000'000);
    for (int second = 0; second < 3; ++second) {
        harness.clock.advance(std::chrono::seconds(1));
        harness.settle();
    }
    EXPECT_FALSE(harness.logs->refused_space());
    EXPECT_EQ(harness.counters.run_bytes, harness.log->size_bytes());
}

TEST(Removal, TakesTheFolderAwayAndFreesItsName) {
    LogHarness harness;
    harness.open({.segment_bytes = 2000});
    for (int i = 0; i < 10; ++i)
        harness.append(batch_of(std::string(700, 'x')));
    harness.store_all();
    auto& waiting = harness.begin_append(batch_of("b"), Durability::synced);
    EngineOp removal;
    bool removed = false;
    removal.owner = &removed;
    removal.done = [](EngineOp& ended) noexcept { *static_cast<bool*>(ended.owner) = true; };
    harness.logs->remove(kOrders, removal);
    EXPECT_EQ(waiting.acks, 1U);
    EXPECT_EQ(waiting.outcome.error().code, Errc::shutting_down);
    EXPECT_EQ(harness.logs->find(kOrders), nullptr);
    EXPECT_EQ(harness.wal.unflushed(), 0U);
    ASSERT_TRUE(harness.run_until([&removed] { return removed; }));
    EXPECT_TRUE(harness.folder().empty());
    harness.settle();
    EXPECT_TRUE(harness.disk.files().empty());
    // The name may be used at once.
    harness.open();
    harness.append(batch_of("again"));
    harness.only_files();
    EXPECT_EQ(harness.read(0).bytes_read(), stored(batch_of("again"), 0));
}

TEST(Removal, EndsReadsAndWaitsForRunsUnderWay) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a"));
    harness.only_files();
    harness.append(batch_of("b"));
    FinishedRead read;
    read.limit = Offset(2);
    read.bytes_max = 100;
    ASSERT_EQ(harness.log->read(read), ReadStatus::pending);
    harness.wal.live = 900;
    harness.logs->end_turn();  // A run begins.
    EngineOp removal;
    bool removed = false;
    removal.owner = &removed;
    removal.done = [](EngineOp& ended) noexcept { *static_cast<bool*>(ended.owner) = true; };
    harness.logs->remove(kOrders, removal);
    EXPECT_TRUE(read.finished);
    EXPECT_EQ(read.outcome.error().code, Errc::shutting_down);
    ASSERT_TRUE(harness.run_until([&removed] { return removed; }));
    harness.settle();
    EXPECT_TRUE(harness.disk.files().empty());
    EXPECT_EQ(harness.failure, std::nullopt);
}

}  // namespace
}  // namespace millrace::engine
