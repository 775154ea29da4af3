// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/engine/engine/sim_engine_fixture.h"

#include <algorithm>
#include <array>

namespace millrace::testing {
namespace {

using engine::Errc;
using engine::ShardCounters;

class EngineRecovery : public SimEngineFixture {
protected:
    void damage(const std::string& path, std::uint64_t position) {
        const auto contents = disk_.contents(path);
        ASSERT_LT(position, contents.size());
        const std::array<std::byte, 1> flipped{~contents[position]};
        disk_.overwrite(path, position, flipped);
    }

    [[nodiscard]] std::vector<std::string> files_below(const std::string& prefix) const {
        std::vector<std::string> found;
        for (const auto& path : disk_.files()) {
            if (path.starts_with(prefix)) found.push_back(path);
        }
        return found;
    }
};

TEST_F(EngineRecovery, OfAnEmptyDirectoryIsAFirstStart) {
    ASSERT_TRUE(start(2)) << events();
    EXPECT_TRUE(host_->engine().recovery().first_start);
    EXPECT_EQ(host_->engine().recovery().run_number, 1U);
    check_all();
}

TEST_F(EngineRecovery, FindsEveryAcknowledgedRecordAfterAPowerCut) {
    ASSERT_TRUE(start(2)) << events();
    append_everywhere(20);
    crash();
    ASSERT_TRUE(start(2)) << events();
    const auto& recovery = host_->engine().recovery();
    EXPECT_FALSE(recovery.first_start);
    EXPECT_FALSE(recovery.clean);
    EXPECT_EQ(recovery.run_number, 2U);
    EXPECT_EQ(recovery.partitions, kPartitions);
    EXPECT_GT(recovery.wal_groups, 0U);
    check_all();
    append_everywhere(5);
    check_all();
}

TEST_F(EngineRecovery, FindsNothingInTheWalAfterACleanStop) {
    ASSERT_TRUE(start(2)) << events();
    append_everywhere(20);
    clean_stop();
    ASSERT_TRUE(start(2)) << events();
    EXPECT_TRUE(host_->engine().recovery().clean);
    EXPECT_EQ(host_->engine().recovery().wal_groups, 0U);
    EXPECT_EQ(host_->engine().recovery().partitions, kPartitions);
    check_all();
    EXPECT_GT(sum(&ShardCounters::cold_reads), 0U);
    EXPECT_EQ(log(0).leader_epoch(), 0);
    crash();
    ASSERT_TRUE(start(2)) << events();
    EXPECT_FALSE(host_->engine().recovery().clean);
    append(0);
    EXPECT_GT(log(0).leader_epoch(), 0);
    check_all();
}

// Records of the run that crashed may have been read and lost: whoever appends next, in whichever
// run, does it in another epoch.
TEST_F(EngineRecovery, KeepsTheRiseOfTheEpochAcrossACleanStopWithoutAnAppend) {
    ASSERT_TRUE(start(2)) << events();
    append(0);
    crash();
    ASSERT_TRUE(start(2)) << events();
    EXPECT_EQ(log(0).leader_epoch(), 1);
    clean_stop();
    ASSERT_TRUE(start(2)) << events();
    EXPECT_TRUE(host_->engine().recovery().clean);
    EXPECT_EQ(log(0).leader_epoch(), 1);
    append(0);
    clean_stop();
    ASSERT_TRUE(start(3)) << events();
    EXPECT_EQ(log(0).leader_epoch(), 1);  // Nothing was lost since.
    check_all();
}

TEST_F(EngineRecovery, KeepsTheRiseOfTheEpochOfLogsThatNobodyOpened) {
    ASSERT_TRUE(start(1)) << events();
    append_everywhere(1);
    clean_stop();
    ASSERT_TRUE(start(1)) << events();
    crash();
    host_ = std::make_unique<SimEngineHost>(disk_, clock_, arena_, options_);
    ASSERT_TRUE(host_->start()) << events();
    clean_stop();
    ASSERT_TRUE(start(1)) << events();
    EXPECT_TRUE(host_->engine().recovery().clean);
    EXPECT_EQ(log(0).leader_epoch(), 1);
    check_all();
}

// A reader may have seen what only memory held. The run after it must not write other records
// under the same epoch, be it that nothing at all was left of the log.
TEST_F(EngineRecovery, GivesNoEpochTwiceHoweverMuchWasLost) {
    config_.durability = engine::Durability::memory;
    ASSERT_TRUE(start(1)) << events();
    append(0);
    ASSERT_TRUE(host_->run_until([this] { return log(0).offsets().flushed_end.value == 1; }));
    for (int run = 0; run < 4; ++run) {
        std::array<TrackedAppend, 2> lost;
        for (std::uint32_t partition = 0; partition < lost.size(); ++partition) {
            ASSERT_TRUE(begin_append(lost[partition], partition, "lost"));
            EXPECT_EQ(log(partition).leader_epoch(), run);
        }
        crash();
        ASSERT_TRUE(start(1)) << events();
        EXPECT_EQ(log(0).offsets().log_end.value, 1);
        EXPECT_EQ(log(1).offsets().log_end.value, 0);
    }
}

TEST_F(EngineRecovery, NeedsNoWalFileAfterACleanStop) {
    ASSERT_TRUE(start(1)) << events();
    append_everywhere(20);
    clean_stop();
    // Whatever the groups say that lie before the end: nobody reads them.
    damage("wal/0/0.wal", 100);
    ASSERT_TRUE(start(1)) << events();
    check_all();
}

TEST_F(EngineRecovery, SurvivesAnyNumberOfShardsAtEveryStart) {
    for (const std::uint32_t shards : {1, 3, 2, 1, 4}) {
        ASSERT_TRUE(start(shards)) << events();
        check_all();
        append_everywhere(10, 700);
        check_all();
        if (HasFailure()) return;
        crash(shards == 3);
    }
    ASSERT_TRUE(start(2)) << events();
    check_all();
    clean_stop();
    ASSERT_TRUE(start(3)) << events();
    EXPECT_TRUE(host_->engine().recovery().clean);
    check_all();
}

TEST_F(EngineRecovery, LetsGoOfTheWalOfShardsThatAreNoMore) {
    ASSERT_TRUE(start(3)) << events();
    append_everywhere(20);
    crash();
    ASSERT_TRUE(start(1)) << events();
    ASSERT_TRUE(host_->run_until([this] { return sum(&ShardCounters::checkpoints) > 0; }));
    append_everywhere(1);
    crash();
    // All that was in wal/1 and wal/2 lies in segments now.
    damage("wal/1/0.wal", 4096 + 50);
    damage("wal/2/0.wal", 4096 + 50);
    ASSERT_TRUE(start(3)) << events();
    check_all();
}

TEST_F(EngineRecovery, FallsBackToTheOtherSlot) {
    ASSERT_TRUE(start(1)) << events();
    append_everywhere(20, 1000);
    clean_stop();
    for (const auto* slot : {"checkpoint.a", "checkpoint.b"}) {
        damage(slot, 100);
        ASSERT_TRUE(start(1)) << events();
        EXPECT_NE(events().find("checkpoint.bad_slot"), std::string::npos);
        check_all();
        append_everywhere(2);
        clean_stop();  // Writes both again.
    }
}

TEST_F(EngineRecovery, RefusesWhenBothSlotsAreBad) {
    ASSERT_TRUE(start(1)) << events();
    append_everywhere(1);
    crash();
    damage("checkpoint.a", 0);
    damage("checkpoint.b", 0);
    const auto outcome = start(1);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::damaged_wal);
    EXPECT_NE(events().find("recovery.no_checkpoint"), std::string::npos);
}

TEST_F(EngineRecovery, RefusesWhenThePlaceTheCheckpointNamesIsNotThere) {
    ASSERT_TRUE(start(1)) << events();
    append_everywhere(60, 2000);
    clean_stop();
    for (const auto& path : files_below("wal/0/"))
        disk_.remove(path);
    const auto outcome = start(1);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::damaged_wal);
}

TEST_F(EngineRecovery, RefusesAWalWithAHoleUnlessTheLossIsAccepted) {
    ASSERT_TRUE(start(1)) << events();
    append_everywhere(4, 3000);
    crash();
    damage("wal/0/0.wal", 3 * 4096 + 50);
    auto outcome = start(1);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::damaged_wal);
    options_.engine.accept_wal_loss = true;
    ASSERT_TRUE(start(1)) << events();
    EXPECT_NE(events().find("recovery.suspect_partition"), std::string::npos);
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
        const auto found = read_all(partition);
        ASSERT_LE(found.size(), acked_[partition].size());
        EXPECT_TRUE(std::equal(found.begin(), found.end(), acked_[partition].begin()));
        acked_[partition] = found;
    }
    append_everywhere(2);
    crash();
    options_.engine.accept_wal_loss = false;
    ASSERT_TRUE(start(1)) << events();
    check_all();
}

TEST_F(EngineRecovery, RefusesWhenAnotherShardsWalIsGone) {
    ASSERT_TRUE(start(1)) << events();
    append_everywhere(3);
    crash();
    ASSERT_TRUE(start(3)) << events();
    append_everywhere(3);
    crash();
    for (const auto& path : files_below("wal/0/"))
        disk_.remove(path);
    const auto outcome = start(3);
    ASSERT_FALSE(outcome) << events();
    EXPECT_EQ(outcome.error().code, Errc::damaged_wal);
}

// A deleted partition's first entries may lie in files that were recycled since: whether that is a
// gap, only metadata can say.
TEST_F(EngineRecovery, LeavesItToItsOwnerWhetherAPartitionMayHaveAGap) {
    ASSERT_TRUE(start(1)) << events();
    for (int time = 0; time < 24; ++time)  // More than one file of 16 groups.
        append(0);
    append(5);
    crash();
    // Partition 5, which nobody opens, keeps the second file; nothing keeps the first.
    host_ = std::make_unique<SimEngineHost>(disk_, clock_, arena_, options_);
    ASSERT_TRUE(host_->start()) << events();
    static_cast<void>(log(0));
    bool removed = false;
    engine::EngineOp op;
    op.owner = &removed;
    op.done = [](engine::EngineOp& done) noexcept { *static_cast<bool*>(done.owner) = true; };
    host_->shard(0).remove_log(key_of(0), op);
    ASSERT_TRUE(host_->run_until([&] { return removed; }));
    while (host_->shard(0).counters().wal_files_recycled == 0) {
        append(1, 3000);
        ASSERT_FALSE(HasFailure());
    }
    crash();

    const auto outcome = start(1);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::damaged_wal);
    EXPECT_NE(events().find("recovery.gap"), std::string::npos);
    options_.decide = [](engine::Engine& engine) { engine.drop_recovered(key_of(0), ""); };
    acked_[0].clear();
    ASSERT_TRUE(start(1)) << events();
    EXPECT_EQ(events().find("recovery.gap"), std::string::npos);
    check_all();
}

TEST_F(EngineRecovery, DropsPartitionsWithTheirFolders) {
    ASSERT_TRUE(start(2)) << events();
    append_everywhere(10, 3000);
    clean_stop();
    ASSERT_TRUE(start(2)) << events();
    append_everywhere(2);
    crash();
    ASSERT_FALSE(files_below("topics/t-0/").empty());
    options_.decide = [](engine::Engine& engine) {
        EXPECT_EQ(engine.recovered_partitions().size(), kPartitions);
        engine.drop_recovered(key_of(0), "t-0");
        engine.drop_recovered(key_of(1), "");  // Its name is another one's now.
        EXPECT_EQ(engine.recovered_partitions().size(), kPartitions - 2);
    };
    options_.engine.shards = 2;
    host_ = std::make_unique<SimEngineHost>(disk_, clock_, arena_, options_);
    ASSERT_TRUE(host_->start()) << events();
    options_.decide = {};
    ASSERT_TRUE(host_->run_until([this] { return files_below("topics/t-0/").empty(); }));
    EXPECT_FALSE(files_below("topics/t-1/").empty());
    ASSERT_TRUE(host_->run_until([this] { return files_below("trash/").empty(); }));
    acked_[0].clear();
    acked_[1].clear();
    open_all();
    check_all();
    append_everywhere(2);
    clean_stop();
    ASSERT_TRUE(start(1)) << events();
    EXPECT_TRUE(host_->engine().recovery().clean);
    check_all();
}

TEST_F(EngineRecovery, StopsWhereADirectoryCannotBeRead) {
    ASSERT_TRUE(start(1)) << events();
    append_everywhere(1);
    crash();
    SimFault fault;
    fault.error = 5;
    fault.kind = engine::FileOpKind::list;
    disk_.set_fault(fault);
    const auto outcome = start(1);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error(), (engine::Error{Errc::io_failed, 5}));
}

}  // namespace
}  // namespace millrace::testing
