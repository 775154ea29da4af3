// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/engine/wal/wal_harness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace millrace::testing {
namespace {

using engine::Errc;
using engine::kKiB;

std::size_t wal_files(const SimDisk& disk) {
    const auto files = disk.files();
    return static_cast<std::size_t>(
            std::ranges::count_if(files, [](const auto& path) { return path.ends_with(".wal"); }));
}

// Commits one entry after the other; a checkpoint every `interval` of them covers all but the last
// two entries, and files before the older of two checkpoints are recycled.
class Recycling {
public:
    explicit Recycling(WalHarness& wal) : wal_(wal) {}

    void run(int commits, int interval) {
        for (int i = 0; i < commits; ++i) {
            ++end_;
            wal_.commit(std::to_string(end_) + filler(2500), end_);
            if (i % interval == interval - 1) checkpoint();
        }
    }

    void checkpoint() {
        while (released_ + 2 < wal_.uses.size()) {
            wal_.wal->entry_released(*wal_.uses[released_++]);
        }
        older_ = newer_;
        newer_ = wal_.wal->replay_start({});
        wal_.wal->recycle_before(older_);
    }

    void restarted() {
        released_ = 0;
        older_ = newer_;
    }

    [[nodiscard]] const engine::WalPosition& newer() const { return newer_; }

    [[nodiscard]] const engine::WalPosition& older() const { return older_; }

    [[nodiscard]] std::int64_t end() const { return end_; }

private:
    WalHarness& wal_;
    std::int64_t end_ = 0;
    std::size_t released_ = 0;
    engine::WalPosition newer_;
    engine::WalPosition older_;
};

// Entries that replay gives, as the numbers that they begin with.
std::vector<std::int64_t> numbers(const std::vector<ReplayedText>& texts) {
    std::vector<std::int64_t> values;
    for (const auto& text : texts)
        values.push_back(std::stoll(text.text));
    return values;
}

void expect_up_to(const std::vector<std::int64_t>& found, std::int64_t end) {
    ASSERT_FALSE(found.empty());
    for (std::size_t i = 0; i < found.size(); ++i) {
        ASSERT_EQ(found[i], end - static_cast<std::int64_t>(found.size() - 1 - i));
    }
}

TEST(WalRecycle, WritesTheSameFilesOverForEver) {
    WalHarness wal;
    ASSERT_TRUE(wal.open());
    Recycling recycling(wal);
    recycling.run(100, 10);
    const auto files = wal_files(wal.disk);
    EXPECT_LE(files, 6U);
    recycling.run(400, 10);
    EXPECT_EQ(wal_files(wal.disk), files);
    EXPECT_GT(wal.counters.wal_files_recycled, 20U);
    EXPECT_EQ(wal.listener.recycled.size(), wal.counters.wal_files_recycled);
    EXPECT_TRUE(std::ranges::is_sorted(wal.listener.recycled));
    wal.cut_power();
    ASSERT_TRUE(wal.open(recycling.newer()));
    expect_up_to(numbers(wal.found), recycling.end());
}

TEST(WalRecycle, StartsFromTheOlderCheckpointToo) {
    WalHarness wal;
    ASSERT_TRUE(wal.open());
    Recycling recycling(wal);
    for (int round = 0; round < 40; ++round) {
        recycling.run(7, 7);
        WalHarness after(wal.disk.killed());
        ASSERT_TRUE(after.open(recycling.older())) << round;
        expect_up_to(numbers(after.found), recycling.end());
    }
}

// At a start the files before the newer checkpoint are not live, but the older one needs them.
TEST(WalRecycle, KeepsWhatTheOlderCheckpointNeedsOverAStart) {
    WalHarness wal;
    ASSERT_TRUE(wal.open());
    Recycling recycling(wal);
    recycling.run(40, 20);
    const auto older = recycling.older();
    const auto newer = recycling.newer();
    ASSERT_LT(older.file_number, newer.file_number);
    wal.kill();
    ASSERT_TRUE(wal.open(newer));
    for (int i = 1; i <= 30; ++i) {
        wal.commit(std::to_string(recycling.end() + i) + filler(2500), i);
    }
    wal.kill();
    ASSERT_TRUE(wal.open(older));
    expect_up_to(numbers(wal.found), recycling.end() + 30);
}

TEST(WalRecycle, HoldsAFileUntilItsLastEntryIsReleased) {
    WalHarness wal;
    ASSERT_TRUE(wal.open());
    for (int i = 0; i < 40; ++i)
        wal.commit(filler(3000), i + 1);
    const auto first = wal.uses.front();
    std::vector<engine::WalRelease> releases;
    const auto count = std::ranges::count(wal.uses, first);
    EXPECT_EQ(wal.wal->replay_start({}).file_number, 1U);
    releases.push_back({first, static_cast<std::uint64_t>(count) - 1});
    EXPECT_EQ(wal.wal->replay_start(releases).file_number, 1U);
    ++releases[0].entries;
    const auto second = wal.wal->replay_start(releases);
    EXPECT_EQ(second.file_number, 2U);
    EXPECT_EQ(second.block, 0U);
    EXPECT_GT(second.sequence, 1U);
}

TEST(WalRecycle, StartsAtTheEndWhenNothingIsNeeded) {
    WalHarness wal;
    ASSERT_TRUE(wal.open());
    for (int i = 0; i < 5; ++i)
        wal.commit("entry", i + 1);
    for (auto* use : wal.uses)
        wal.wal->entry_released(*use);
    const auto end = wal.wal->replay_start({});
    // What is on its way does not count: it might never arrive.
    ASSERT_TRUE(wal.append("open", 9));
    wal.wal->entry_released(*wal.uses.back());
    EXPECT_EQ(wal.wal->replay_start({}), end);
    wal.settle();
    EXPECT_EQ(wal.wal->replay_start({}).sequence, end.sequence + 1);
    wal.kill();
    const auto replayed = wal.replay(end).value();
    EXPECT_EQ(texts_of(replayed).size(), 1U);
}

TEST(WalRecycle, HoldsReplayedFilesUntilTheirEntriesAreReleased) {
    WalHarness wal;
    ASSERT_TRUE(wal.open());
    for (int i = 0; i < 40; ++i)
        wal.commit(filler(3000), i + 1);
    const auto live = wal.wal->live_bytes();
    wal.kill();
    ASSERT_TRUE(wal.open());
    EXPECT_GE(wal.wal->live_bytes(), live);
    EXPECT_EQ(wal.wal->replay_start({}).file_number, 1U);
    EXPECT_EQ(wal.wal->replay_start({}).sequence, 1U);
    for (auto* use : wal.uses)
        wal.wal->entry_released(*use);
    wal.wal->recycle_before(wal.wal->replay_start({}));
    EXPECT_EQ(wal.listener.recycled, (std::vector<std::uint64_t>{1, 2}));
    EXPECT_LT(wal.wal->live_bytes(), wal.options.file_bytes);
}

TEST(WalRecycle, GoesOnWithFilesOfAnotherSize) {
    WalHarness wal;
    ASSERT_TRUE(wal.open());
    Recycling recycling(wal);
    for (const std::uint64_t file_bytes : {128 * kKiB, 48 * kKiB, 64 * kKiB}) {
        recycling.run(60, 6);
        wal.cut_power();
        wal.options.file_bytes = file_bytes;
        ASSERT_TRUE(wal.open(recycling.newer())) << file_bytes;
        expect_up_to(numbers(wal.found), recycling.end());
        recycling.restarted();
    }
    recycling.run(100, 6);
    wal.cut_power();
    ASSERT_TRUE(wal.open(recycling.newer()));
    expect_up_to(numbers(wal.found), recycling.end());
}

}  // namespace
}  // namespace millrace::testing
