// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Checkpoint rounds, stop, poison and a full disk, over all shards together.
#include "engine/format/checkpoint_codec.h"
#include "tests/engine/engine/sim_engine_fixture.h"

#include <algorithm>
#include <list>

namespace millrace::testing {
namespace {

using engine::Errc;
using engine::kMiB;
using engine::ShardCounters;

class EngineRounds : public SimEngineFixture {
protected:
    [[nodiscard]] bool has_file(const std::string& prefix) const {
        return std::ranges::any_of(disk_.files(),
                                   [&](const auto& path) { return path.starts_with(prefix); });
    }

    [[nodiscard]] engine::Checkpoint newest_checkpoint() const {
        engine::Checkpoint newest;
        for (const auto* slot : {"checkpoint.a", "checkpoint.b"}) {
            auto found = engine::decode_checkpoint(disk_.contents(slot));
            if (found && found->number > newest.number) newest = *std::move(found);
        }
        return newest;
    }

    void fail_next(engine::FileOpKind kind) {
        SimFault fault;
        fault.operation = disk_.operations();
        fault.error = 5;
        fault.kind = kind;
        disk_.set_fault(fault);
    }

    // Lets every shard see what another one did.
    void settle(int rounds = 50) {
        for (int round = 0; round < rounds; ++round)
            static_cast<void>(host_->round());
    }
};

TEST_F(EngineRounds, RecycleTheWalUnderLoad) {
    for (const std::uint32_t shards : {1, 2}) {
        ASSERT_TRUE(start(shards)) << events();
        append_everywhere(150, 4000);  // 3.6 MB through a WAL of 512 KiB.
        EXPECT_GT(sum(&ShardCounters::checkpoints), 2U);
        EXPECT_GT(sum(&ShardCounters::wal_files_recycled), 10U);
        std::uint64_t wal_bytes = 0;
        for (const auto& path : disk_.files()) {
            if (path.starts_with("wal/")) wal_bytes += disk_.contents(path).size();
        }
        EXPECT_LE(wal_bytes, 2 * options_.engine.wal_bytes);
        check_all();
        crash();
    }
    ASSERT_TRUE(start(2)) << events();
    check_all();
}

// What was recovered gives the flusher no pace, because nothing comes in, and too much is live for
// the next append: who waits for room would wait for ever.
TEST_F(EngineRounds, MakeRoomForAnAppendThatIsRefusedBehindARecoveredWal) {
    options_.engine.wal_bytes = 2 * kMiB;  // Nothing is stored: a quarter is not reached.
    ASSERT_TRUE(start(1)) << events();
    for (int i = 0; i < 45; ++i)
        append(0, 8000);  // Two blocks each.
    ASSERT_EQ(sum(&ShardCounters::runs), 0U);
    crash();
    options_.engine.wal_bytes = 512 * engine::kKiB;
    ASSERT_TRUE(start(1)) << events();
    TrackedAppend refused;
    const auto begun = begin_append(refused, 0, std::string(14'000, 'v'));
    ASSERT_FALSE(begun);
    ASSERT_EQ(begun.error().code, Errc::no_room);
    append(0, 14'000);
    check_all();
}

// What lies in the WAL directories of shards that are no more takes as much memory at the next
// replay as what lies in one's own.
TEST_F(EngineRounds, CountTheWalOfShardsThatAreNoMoreInTheBound) {
    options_.engine.wal_bytes = 4 * kMiB;
    ASSERT_TRUE(start(3)) << events();
    append_everywhere(9, 8000);
    ASSERT_EQ(sum(&ShardCounters::runs), 0U);
    crash();
    options_.engine.wal_bytes = 512 * engine::kKiB;
    ASSERT_TRUE(start(1)) << events();
    ASSERT_GT(host_->engine().recovery().wal_bytes, 384 * engine::kKiB);
    EXPECT_EQ(host_->shard(0).room(), 0U);
    TrackedAppend refused;
    const auto begun = begin_append(refused, 0, "refused");
    ASSERT_FALSE(begun);
    EXPECT_EQ(begun.error().code, Errc::no_room);
    append_everywhere(1);
    EXPECT_GT(sum(&ShardCounters::checkpoints), 0U);
    check_all();
    append_everywhere(50, 4000);  // The bound is all its own again.
    check_all();
}

TEST_F(EngineRounds, TakeTurnsInAnyOrder) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        options_.seed = seed;
        ASSERT_TRUE(start(static_cast<std::uint32_t>(1 + seed % 3))) << "seed " << seed << "\n"
                                                                     << events();
        append_everywhere(12, 5000);
        check_all();
        if (HasFailure()) FAIL() << "seed " << seed << "\n" << events();
        if (seed % 2 == 0) {
            clean_stop();
        } else {
            crash();
        }
    }
}

TEST_F(EngineRounds, CarryRowsOfLogsThatNobodyHasOpened) {
    ASSERT_TRUE(start(2)) << events();
    append_everywhere(10, 1000);
    clean_stop();
    ASSERT_TRUE(start(2)) << events();
    append_everywhere(10, 1000);
    crash();
    // Only partition 0 is opened in the run that writes the next checkpoints.
    options_.engine.shards = 2;
    host_ = std::make_unique<SimEngineHost>(disk_, clock_, arena_, options_);
    ASSERT_TRUE(host_->start()) << events();
    for (int i = 0; i < 20; ++i)
        append(0, 3000);
    ASSERT_TRUE(host_->stop()) << events();
    events_ = host_->events();
    host_.reset();
    // Entries that nobody took over lie in the WAL: the next start has to replay them.
    EXPECT_FALSE(newest_checkpoint().clean);
    ASSERT_TRUE(start(2)) << events();
    EXPECT_FALSE(host_->engine().recovery().clean);
    check_all();
    clean_stop();
    EXPECT_TRUE(newest_checkpoint().clean);
}

TEST_F(EngineRounds, ForgetRemovedLogs) {
    ASSERT_TRUE(start(2)) << events();
    append_everywhere(10, 4000);
    clean_stop();
    ASSERT_TRUE(start(2)) << events();
    EXPECT_TRUE(has_file("topics/t-0/"));
    append(0);
    bool done = false;
    engine::EngineOp op;
    op.owner = &done;
    op.done = [](engine::EngineOp& removed) noexcept { *static_cast<bool*>(removed.owner) = true; };
    host_->shard_of(key_of(0)).remove_log(key_of(0), op);
    ASSERT_TRUE(host_->run_until([&] { return done; }));
    EXPECT_TRUE(op.outcome);
    EXPECT_FALSE(has_file("topics/t-0/"));
    EXPECT_EQ(host_->shard_of(key_of(0)).find_log(key_of(0)), nullptr);
    clean_stop();
    options_.engine.shards = 2;
    host_ = std::make_unique<SimEngineHost>(disk_, clock_, arena_, options_);
    ASSERT_TRUE(host_->start());
    EXPECT_EQ(host_->engine().recovery().partitions, kPartitions - 1);
}

TEST_F(EngineRounds, StopWithAnEmptyEngine) {
    ASSERT_TRUE(start(3)) << events();
    clean_stop();
    ASSERT_TRUE(start(3)) << events();
    EXPECT_TRUE(host_->engine().recovery().clean);
}

TEST_F(EngineRounds, EndAppendsThatCameBeforeAStop) {
    ASSERT_TRUE(start(2)) << events();
    std::list<TrackedAppend> appends;
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
        const auto value = "late " + std::to_string(partition);
        ASSERT_TRUE(begin_append(appends.emplace_back(), partition, value));
        acked_[partition].push_back(value);
    }
    clean_stop();
    for (const auto& append : appends) {
        EXPECT_TRUE(append.done);
        EXPECT_TRUE(append.op.outcome);
    }
    ASSERT_TRUE(start(2)) << events();
    EXPECT_TRUE(host_->engine().recovery().clean);
    check_all();
}

TEST_F(EngineRounds, WakeRoomWaitersInOrder) {
    ASSERT_TRUE(start(1)) << events();
    std::list<TrackedAppend> appends;
    const std::string value(8000, 'x');
    engine::Result<void> begun;
    do {
        begun = begin_append(appends.emplace_back(), 0, value);
        if (begun) acked_[0].push_back(value);
    } while (begun);
    ASSERT_EQ(begun.error().code, Errc::no_room);
    appends.pop_back();
    std::string woken;

    struct Waiter : engine::RoomWaiter {
        char name = 0;
        std::string* woken = nullptr;
    };

    std::array<Waiter, 3> waiters;
    for (auto& waiter : waiters) {
        waiter.name = static_cast<char>('a' + (&waiter - waiters.data()));
        waiter.woken = &woken;
        waiter.bytes = value.size() + 100;
        waiter.ready = [](engine::RoomWaiter& ready) noexcept {
            auto& self = static_cast<Waiter&>(ready);
            *self.woken += self.name;
        };
        host_->shard(0).wait_for_room(waiter);
    }
    host_->shard(0).cancel_wait(waiters[1]);
    ASSERT_TRUE(host_->run_until([&] { return woken.size() == 2; })) << events();
    EXPECT_EQ(woken, "ac");
    ASSERT_TRUE(host_->run_until([&] { return appends.back().done; }));
    check_all();
}

TEST_F(EngineRounds, RefuseAppendsOnAFullDiskAndResume) {
    options_.engine.free_space_min = 8 * kMiB;
    disk_.set_free_space(100 * kMiB);
    ASSERT_TRUE(start(2)) << events();
    append_everywhere(1);
    disk_.set_free_space(7 * kMiB);
    clock_.advance(std::chrono::seconds(2));
    std::list<TrackedAppend> last;  // Seen at the end of the turn.
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
        ASSERT_TRUE(begin_append(last.emplace_back(), partition, "last"));
        acked_[partition].emplace_back("last");
    }
    settle();
    EXPECT_TRUE(std::ranges::all_of(last, [](const auto& append) { return append.done; }));
    EXPECT_TRUE(host_->shard(0).storage_full());
    EXPECT_TRUE(host_->shard(1).storage_full());
    EXPECT_NE(events().find("storage.full"), std::string::npos);
    TrackedAppend refused;
    const auto begun = begin_append(refused, 0, "refused");
    ASSERT_FALSE(begun);
    EXPECT_EQ(begun.error().code, Errc::storage_full);
    check_all();  // Reads go on.

    disk_.set_free_space(9 * kMiB);  // Above the bound, below what appends resume at.
    clock_.advance(std::chrono::seconds(2));
    settle();
    EXPECT_TRUE(host_->shard(0).storage_full());
    disk_.set_free_space(50 * kMiB);
    ASSERT_TRUE(host_->run_until(
            [this] { return !host_->shard(0).storage_full() && !host_->shard(1).storage_full(); }));
    append_everywhere(2);
    check_all();
    const auto text = events();
    EXPECT_EQ(text.find("storage.full"), text.rfind("storage.full"));
    EXPECT_EQ(text.find("storage.has_space"), text.rfind("storage.has_space"));
    EXPECT_FALSE(host_->failure());
    clean_stop();
}

TEST_F(EngineRounds, StopsEveryShardWhenAWalFails) {
    ASSERT_TRUE(start(3)) << events();
    append_everywhere(3);
    const auto slot = disk_.contents("checkpoint.a");
    std::list<TrackedAppend> appends;
    fail_next(engine::FileOpKind::sync_data);
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition)
        ASSERT_TRUE(begin_append(appends.emplace_back(), partition, "lost?"));
    ASSERT_TRUE(host_->run_until([&] {
        return std::ranges::all_of(appends, [](const auto& append) { return append.done; });
    })) << events();
    settle();
    EXPECT_EQ(host_->failures_reported(), 1U);
    EXPECT_TRUE(host_->engine().failed());
    EXPECT_TRUE(std::ranges::any_of(appends, [](const auto& each) { return !each.op.outcome; }));
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
        TrackedAppend refused;
        const auto begun = begin_append(refused, partition, "refused");
        ASSERT_FALSE(begun) << partition;
        EXPECT_EQ(begun.error().code, Errc::shutting_down);
    }
    EXPECT_FALSE(host_->stop());
    EXPECT_EQ(disk_.contents("checkpoint.a"), slot);

    // What was acknowledged before is there; what was not may be.
    disk_.clear_fault();
    crash();
    ASSERT_TRUE(start(2)) << events();
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
        auto found = read_all(partition);
        if (found.size() > acked_[partition].size()) {
            EXPECT_EQ(found.back(), "lost?");
            found.pop_back();
        }
        EXPECT_EQ(found, acked_[partition]);
    }
}

TEST_F(EngineRounds, StopsEveryShardWhenACheckpointCannotBeWritten) {
    ASSERT_TRUE(start(2)) << events();
    append_everywhere(5, 1000);
    disk_.set_observer([this](const SimOperation& operation) {
        if (operation.path.starts_with("checkpoint.") &&
            operation.kind == engine::FileOpKind::write) {
            SimFault fault;
            fault.operation = operation.number;
            fault.error = 5;
            disk_.set_fault(fault);
        }
    });
    EXPECT_FALSE(host_->stop());
    EXPECT_EQ(host_->failures_reported(), 1U);
    ASSERT_TRUE(host_->failure());
    EXPECT_EQ(*host_->failure(), (engine::Error{Errc::io_failed, 5}));
    disk_.set_observer({});
    disk_.clear_fault();
    crash();
    ASSERT_TRUE(start(2)) << events();
    EXPECT_FALSE(host_->engine().recovery().clean);
    check_all();
}

}  // namespace
}  // namespace millrace::testing
