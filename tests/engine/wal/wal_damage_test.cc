// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Torn or damaged: what replay drops, what it refuses, and what an accepted loss leaves.
#include "tests/engine/wal/wal_harness.h"

#include <gtest/gtest.h>

namespace millrace::testing {
namespace {

using engine::Errc;
using engine::kBlockBytes;
using namespace std::chrono_literals;

constexpr const char* kFirstFile = "wal/0/0.wal";

void spoil(SimDisk& disk, const std::string& path, std::uint64_t block) {
    const std::vector<std::byte> bytes(64, std::byte{0x5a});
    disk.overwrite(path, block * kBlockBytes + 100, bytes);
}

class WalDamage : public ::testing::Test {
protected:
    // Block 0 is the start group; each commit takes one more.
    void commit_some(std::int64_t count) {
        ASSERT_TRUE(wal_.open());
        for (std::int64_t i = 1; i <= count; ++i)
            wal_.commit(std::to_string(i), i);
    }

    WalHarness wal_;
};

TEST_F(WalDamage, RefusesWhenAGroupThatHadBeenFlushedIsDamaged) {
    for (const std::uint64_t block : {0U, 1U, 2U}) {
        SCOPED_TRACE(block);
        WalHarness wal;
        ASSERT_TRUE(wal.open());
        for (int i = 1; i <= 4; ++i)
            wal.commit("entry", i);
        wal.kill();
        spoil(wal.disk, kFirstFile, block);
        EXPECT_EQ(wal.replay().error().code, Errc::damaged_wal);
        const auto fields = wal.events.fields("wal.damaged");
        EXPECT_NE(fields.find("path=wal/0/0.wal"), std::string::npos) << fields;
        EXPECT_NE(fields.find("position=" + std::to_string(block * kBlockBytes) + " "),
                  std::string::npos)
                << fields;
        EXPECT_NE(fields.find("07000000000000000000000000000000-0"), std::string::npos) << fields;
    }
}

TEST_F(WalDamage, RefusesWhenTheLastAckedGroupIsDamagedAfterAnIdleSecond) {
    commit_some(3);
    wal_.clock.advance(1s);
    wal_.settle();
    wal_.kill();
    spoil(wal_.disk, kFirstFile, 3);
    EXPECT_EQ(wal_.replay().error().code, Errc::damaged_wal);
}

TEST_F(WalDamage, CutsAtDamageWhenTheLossIsAcceptedAndNeverComplainsAgain) {
    commit_some(6);
    wal_.kill();
    spoil(wal_.disk, kFirstFile, 2);
    ASSERT_TRUE(wal_.open({}, true));
    EXPECT_EQ(wal_.found.size(), 1U);
    EXPECT_TRUE(wal_.events.has("wal.loss_accepted"));
    wal_.commit("new", 100);
    wal_.kill();
    // The groups that were cut off are still there, and say nothing about the new run.
    ASSERT_TRUE(wal_.open());
    ASSERT_EQ(wal_.found.size(), 2U);
    EXPECT_EQ(wal_.found[1].text, "new");
}

TEST_F(WalDamage, NamesAcceptedLosses) {
    commit_some(6);
    wal_.kill();
    spoil(wal_.disk, kFirstFile, 2);
    const auto replayed = wal_.replay({}, true).value();
    ASSERT_EQ(replayed.losses.size(), 1U);
    EXPECT_EQ(replayed.losses[0].slot, 0U);
    EXPECT_EQ(replayed.losses[0].position, 2 * kBlockBytes);
    EXPECT_EQ(replayed.losses[0].expected, 3U);
    EXPECT_EQ(replayed.losses[0].seen_later.size(), 1U);
}

TEST_F(WalDamage, SeesDamageOfAStartGroupByTheRunBehindIt) {
    commit_some(2);
    wal_.kill();
    ASSERT_TRUE(wal_.open());
    for (int i = 0; i < 3; ++i)
        wal_.commit("second run", i + 10);
    wal_.kill();
    spoil(wal_.disk, kFirstFile, 3);
    EXPECT_EQ(wal_.replay().error().code, Errc::damaged_wal);
}

TEST_F(WalDamage, RefusesToStartWhenTheFileOfTheCheckpointIsGone) {
    commit_some(2);
    const auto from = wal_.wal->replay_start({});
    wal_.kill();
    wal_.disk.remove(kFirstFile);
    EXPECT_EQ(wal_.replay(from).error().code, Errc::damaged_wal);
    EXPECT_TRUE(wal_.events.has("wal.damaged"));
    // With the loss accepted the file is made anew in its place.
    ASSERT_TRUE(wal_.open(from, true));
    wal_.commit("new", 10);
    wal_.kill();
    ASSERT_TRUE(wal_.open(from));
    ASSERT_EQ(wal_.found.size(), 1U);
    EXPECT_EQ(wal_.found[0].text, "new");
}

TEST_F(WalDamage, GoesOnAfterAnAcceptedLossOfTheFileThatReplayStartsInside) {
    commit_some(2);
    for (auto* use : wal_.uses)
        wal_.wal->entry_released(*use);
    const auto from = wal_.wal->replay_start({});
    EXPECT_EQ(from.block, 3U);
    wal_.kill();
    wal_.disk.remove(kFirstFile);
    EXPECT_EQ(wal_.replay(from).error().code, Errc::damaged_wal);
    ASSERT_TRUE(wal_.open(from, true));
    wal_.kill();
    ASSERT_TRUE(wal_.open(from));
    wal_.commit("new", 10);
    wal_.kill();
    ASSERT_TRUE(wal_.open(from));
    ASSERT_EQ(wal_.found.size(), 1U);
}

TEST_F(WalDamage, RefusesToStartWhenThePlaceInTheFileIsAnother) {
    commit_some(2);
    for (auto* use : wal_.uses)
        wal_.wal->entry_released(*use);
    auto from = wal_.wal->replay_start({});
    EXPECT_EQ(from.block, 3U);
    wal_.kill();
    EXPECT_TRUE(wal_.replay(from));
    ++from.file_number;
    EXPECT_EQ(wal_.replay(from).error().code, Errc::damaged_wal);
}

TEST_F(WalDamage, TakesAnUnreadableBlockAtTheEndForTorn) {
    commit_some(3);
    wal_.kill();
    wal_.disk.make_unreadable(kFirstFile, 3 * kBlockBytes, kBlockBytes);
    ASSERT_TRUE(wal_.open());
    EXPECT_EQ(wal_.found.size(), 2U);
    EXPECT_TRUE(wal_.events.has("wal.unreadable_blocks"));
    wal_.commit("over it", 10);
    wal_.kill();
    ASSERT_TRUE(wal_.open());
    EXPECT_EQ(wal_.found.size(), 3U);
}

TEST_F(WalDamage, TakesAnUnreadableBlockInTheMiddleForDamage) {
    commit_some(4);
    wal_.kill();
    wal_.disk.make_unreadable(kFirstFile, 2 * kBlockBytes, kBlockBytes);
    EXPECT_EQ(wal_.replay().error().code, Errc::damaged_wal);
}

TEST_F(WalDamage, DropsATornEndInSilence) {
    commit_some(3);
    wal_.kill();
    spoil(wal_.disk, kFirstFile, 3);  // Nothing says that the third was flushed.
    const auto replayed = wal_.replay().value();
    EXPECT_EQ(texts_of(replayed).size(), 2U);
    EXPECT_FALSE(replayed.clean_end);
    EXPECT_FALSE(wal_.events.has("wal.damaged"));
}

}  // namespace
}  // namespace millrace::testing
