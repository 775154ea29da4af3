// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/engine/wal/wal_harness.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace millrace::testing {
namespace {

using engine::Durability;
using engine::EntryKind;
using engine::Errc;
using engine::FileOpKind;
using engine::kKiB;
using engine::WriteSync;
using namespace std::chrono_literals;

class WalFailure : public ::testing::TestWithParam<bool> {
protected:
    WalFailure() { wal_.options.commit = GetParam() ? WriteSync::bytes : WriteSync::file; }

    void fail_next(FileOpKind kind, int error, bool short_write = false) {
        SimFault fault;
        fault.operation = wal_.disk.operations();
        fault.kind = kind;
        fault.error = error;
        fault.short_write = short_write;
        wal_.disk.set_fault(fault);
    }

    void expect_final(int error) {
        wal_.settle();
        ASSERT_EQ(wal_.listener.failures.size(), 1U);
        EXPECT_EQ(wal_.listener.failures[0], (engine::Error{Errc::io_failed, error}));
        EXPECT_TRUE(wal_.sink.flushed.empty());
        EXPECT_EQ(wal_.append("late", 9).error().code, Errc::shutting_down);
        wal_.clock.advance(60s);
        wal_.settle();
        EXPECT_EQ(wal_.listener.failures.size(), 1U);
        EXPECT_TRUE(wal_.sink.flushed.empty());
        EXPECT_EQ(wal_.wal->next_deadline(), engine::MonotonicTime::max());
        EXPECT_TRUE(wal_.wal->idle());
    }

    WalHarness wal_;
};

INSTANTIATE_TEST_SUITE_P(CommitModes, WalFailure, ::testing::Bool(), [](const auto& mode) {
    return mode.param ? "Ring" : "Thread";
});

TEST_P(WalFailure, EndsAtAFailedWrite) {
    for (const int error : {EIO, ENOSPC, EDQUOT, ECANCELED}) {
        SCOPED_TRACE(error);
        WalHarness wal;
        wal.options.commit = GetParam() ? WriteSync::bytes : WriteSync::file;
        ASSERT_TRUE(wal.open());
        SimFault fault;
        fault.operation = wal.disk.operations();
        fault.kind = FileOpKind::write;
        fault.error = error;
        wal.disk.set_fault(fault);
        wal.commit("entry", 1);
        ASSERT_EQ(wal.listener.failures.size(), 1U);
        EXPECT_EQ(wal.listener.failures[0], (engine::Error{Errc::io_failed, error}));
        EXPECT_TRUE(wal.sink.written.empty());
    }
}

TEST_P(WalFailure, EndsAtAShortWrite) {
    ASSERT_TRUE(wal_.open());
    fail_next(FileOpKind::write, 0, true);
    ASSERT_TRUE(wal_.append("entry", 1));
    expect_final(EIO);
    EXPECT_TRUE(wal_.sink.written.empty());
}

TEST_P(WalFailure, EndsAtAFailedFlushAndRetriesNothing) {
    ASSERT_TRUE(wal_.open());
    ASSERT_TRUE(wal_.append("plain", 1, Durability::written));
    wal_.settle();
    fail_next(FileOpKind::sync_data, EIO);
    const auto flushes = wal_.counters.wal_flushes;
    wal_.clock.advance(1s);  // What nobody waits for is flushed when it is that old.
    expect_final(EIO);
    EXPECT_EQ(wal_.counters.wal_flushes, flushes + 1);
}

TEST_P(WalFailure, CompletesNothingAfterPoisonFromOutside) {
    ASSERT_TRUE(wal_.open());
    ASSERT_TRUE(wal_.append("entry", 1));
    wal_.turn();
    wal_.wal->fail({Errc::io_failed, EIO});
    wal_.settle();
    EXPECT_TRUE(wal_.sink.written.empty());
    EXPECT_TRUE(wal_.listener.failures.empty());
    EXPECT_EQ(wal_.append("late", 2).error().code, Errc::shutting_down);
    EXPECT_TRUE(wal_.wal->idle());
}

TEST_P(WalFailure, EndsADrainThatWaits) {
    ASSERT_TRUE(wal_.open());
    ASSERT_TRUE(wal_.append("entry", 1));
    wal_.wal->drain(wal_.drain_op);
    wal_.wal->fail({Errc::io_failed, EIO});
    EXPECT_TRUE(wal_.drained);
    EXPECT_EQ(wal_.drain_outcome.error().code, Errc::io_failed);
}

TEST_P(WalFailure, EndsADrainAfterPoisonAtTheNextTurn) {
    ASSERT_TRUE(wal_.open());
    wal_.wal->fail({Errc::io_failed, EIO});
    wal_.wal->drain(wal_.drain_op);
    EXPECT_FALSE(wal_.drained);
    wal_.turn();
    EXPECT_TRUE(wal_.drained);
    EXPECT_EQ(wal_.drain_outcome.error().code, Errc::shutting_down);
}

TEST_P(WalFailure, WarnsOfAGroupAfterASecondAndEndsAfterThirty) {
    ASSERT_TRUE(wal_.open());
    ASSERT_TRUE(wal_.append("entry", 1));
    wal_.turn();
    EXPECT_LE(wal_.wal->next_deadline(), wal_.clock.monotonic_now() + 1s);
    wal_.clock.advance(999ms);
    wal_.turn();
    EXPECT_FALSE(wal_.events.has("wal.slow_group"));
    wal_.clock.advance(1ms);
    wal_.turn();
    wal_.turn();
    EXPECT_EQ(wal_.events.count("wal.slow_group"), 1U);
    EXPECT_TRUE(wal_.listener.failures.empty());
    wal_.clock.advance(29s);
    wal_.turn();
    EXPECT_TRUE(wal_.listener.failures.empty());  // What has completed by now is run first.
    EXPECT_EQ(wal_.wal->next_deadline(), wal_.clock.monotonic_now() + 1s);
    wal_.clock.advance(1s);
    wal_.turn();
    ASSERT_EQ(wal_.listener.failures.size(), 1U);
    EXPECT_EQ(wal_.listener.failures[0].os_errno, ETIMEDOUT);
    wal_.settle();
    EXPECT_TRUE(wal_.sink.written.empty());
}

// SIGSTOP, a debugger, a machine that was suspended: the device had done its work long ago.
TEST_P(WalFailure, ForgivesTheTimeInWhichTheProcessStoodStill) {
    ASSERT_TRUE(wal_.open());
    ASSERT_TRUE(wal_.append("entry", 1));
    wal_.turn();
    wal_.clock.advance(60s);
    wal_.turn();
    wal_.settle();
    EXPECT_EQ(wal_.sink.written.size(), 1U);
    wal_.clock.advance(60s);
    wal_.turn();
    EXPECT_TRUE(wal_.listener.failures.empty());
}

TEST_P(WalFailure, FailsAStartWithoutSpaceAndMakesNothingUp) {
    wal_.disk.set_free_space(4 * kKiB);
    const auto outcome = wal_.open();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::storage_full);
    EXPECT_TRUE(wal_.listener.failures.empty());
    wal_.kill();
    wal_.disk.set_free_space(1 << 20);
    EXPECT_TRUE(wal_.open());
}

TEST_P(WalFailure, RefusesWhileAFileCannotBeMadeAndGoesOnByItself) {
    ASSERT_TRUE(wal_.open());
    wal_.disk.set_free_space(0);
    std::int64_t end = 0;
    engine::Result<void> outcome;
    while ((outcome = wal_.append(filler(3000), end + 1))) {
        ++end;
        wal_.settle();
        ASSERT_LT(end, 1000);
    }
    EXPECT_EQ(outcome.error().code, Errc::storage_full);
    EXPECT_EQ(wal_.events.count("wal.no_room"), 1U);
    EXPECT_EQ(wal_.wal->room(), 0U);
    // What was accepted has been written all the same, and blocks are kept for control entries.
    EXPECT_EQ(wal_.sink.flushed.size(), static_cast<std::size_t>(end));
    EXPECT_TRUE(wal_.append("control", end + 1, Durability::synced, EntryKind::log_start));
    wal_.settle();
    EXPECT_EQ(wal_.sink.flushed.size(), static_cast<std::size_t>(end) + 1);
    EXPECT_TRUE(wal_.listener.failures.empty());

    wal_.disk.set_free_space(1 << 20);
    wal_.settle();
    const auto offered = wal_.listener.has_room;
    EXPECT_EQ(offered, 0U);
    wal_.clock.advance(1s);
    wal_.settle();
    EXPECT_GT(wal_.listener.has_room, offered);
    EXPECT_TRUE(wal_.events.has("wal.room_made"));
    EXPECT_TRUE(wal_.append(filler(3000), end + 2));
}

TEST_P(WalFailure, StartsOnAFullDiskWithTheBlocksItHas) {
    ASSERT_TRUE(wal_.open());
    wal_.commit("entry", 1);
    wal_.kill();
    wal_.disk.set_free_space(0);
    ASSERT_TRUE(wal_.open());
    EXPECT_EQ(wal_.found.size(), 1U);
}

TEST_P(WalFailure, TakesOnlyControlEntriesWhenToldThatStorageIsFull) {
    ASSERT_TRUE(wal_.open());
    wal_.wal->set_storage_full(true);
    EXPECT_EQ(wal_.append("data", 1).error().code, Errc::storage_full);
    EXPECT_EQ(wal_.append("data", 1, Durability::synced, EntryKind::atomic).error().code,
              Errc::storage_full);
    EXPECT_TRUE(wal_.append("control", 1, Durability::synced, EntryKind::truncate));
    const auto deletion = wal_.wal->reserve(EntryKind::append, {}, 100, true);
    ASSERT_TRUE(deletion) << "records that free space are taken";
    wal_.wal->take_back(*deletion);
    wal_.wal->set_storage_full(false);
    EXPECT_EQ(wal_.listener.has_room, 1U);
    EXPECT_TRUE(wal_.append("data", 2));
}

TEST_P(WalFailure, RefusesAppendsAtThreeQuartersOfTheBound) {
    ASSERT_TRUE(wal_.open());
    std::int64_t end = 0;
    engine::Result<void> outcome;
    while ((outcome = wal_.append(filler(3000), end + 1))) {
        ++end;
        wal_.settle();
        ASSERT_LT(end, 1000);
    }
    EXPECT_EQ(outcome.error().code, Errc::no_room);
    EXPECT_LE(wal_.wal->live_bytes(), wal_.wal->bytes_max() / 4 * 3);
    EXPECT_GT(wal_.wal->live_bytes(), wal_.wal->bytes_max() / 4 * 3 - 2 * 4 * kKiB);
    EXPECT_TRUE(wal_.append("control", end + 1, Durability::synced, EntryKind::epoch));

    // Room comes back when files are recycled, not when entries are released.
    wal_.settle();
    for (auto* use : wal_.uses)
        wal_.wal->entry_released(*use);
    EXPECT_EQ(wal_.wal->room(), 0U);
    EXPECT_EQ(wal_.listener.has_room, 0U);
    wal_.wal->recycle_before(wal_.wal->replay_start({}));
    EXPECT_GT(wal_.wal->room(), 3000U);
    EXPECT_EQ(wal_.listener.has_room, 1U);
    EXPECT_TRUE(wal_.append(filler(3000), end + 2));
}

TEST_P(WalFailure, RefusesWithoutMemoryAndOffersAgainSoon) {
    ASSERT_TRUE(wal_.open());
    std::vector<engine::BufferRef> hoard;
    while (auto buffer = wal_.arena.allocate(1 * engine::kMiB))
        hoard.push_back(buffer);
    while (auto buffer = wal_.arena.allocate(4 * kKiB))
        hoard.push_back(buffer);
    std::int64_t end = 0;
    engine::Result<void> outcome;
    while ((outcome = wal_.append(filler(3000), end + 1)))
        ASSERT_LT(++end, 1000);
    EXPECT_EQ(outcome.error().code, Errc::no_room);
    hoard.clear();
    wal_.clock.advance(10ms);
    wal_.settle();
    EXPECT_GT(wal_.listener.has_room, 0U);
    EXPECT_TRUE(wal_.append(filler(3000), end + 1));
}

}  // namespace
}  // namespace millrace::testing
