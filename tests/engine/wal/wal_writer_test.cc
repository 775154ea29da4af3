// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/wal/wal_writer.h"

#include "tests/engine/wal/wal_harness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace millrace::testing {
namespace {

using engine::Durability;
using engine::EntryKind;
using engine::Errc;
using engine::FileOpKind;
using engine::kKiB;
using engine::WriteSync;
using namespace std::chrono_literals;
using Ends = std::vector<std::int64_t>;

std::vector<ReplayedText> appends(std::initializer_list<const char*> texts) {
    std::vector<ReplayedText> expected;
    for (const auto* text : texts)
        expected.push_back({EntryKind::append, 0, text});
    return expected;
}

class WalWriter : public ::testing::TestWithParam<bool> {
protected:
    WalWriter() { wal_.options.commit = GetParam() ? WriteSync::bytes : WriteSync::file; }

    WalHarness wal_;
};

INSTANTIATE_TEST_SUITE_P(CommitModes, WalWriter, ::testing::Bool(), [](const auto& mode) {
    return mode.param ? "Ring" : "Thread";
});

TEST_P(WalWriter, KeepsFlushedEntriesOverAPowerCut) {
    ASSERT_TRUE(wal_.open());
    wal_.commit("one", 1);
    wal_.commit("two", 2);
    EXPECT_EQ(wal_.sink.flushed, (Ends{1, 2}));
    wal_.cut_power();
    ASSERT_TRUE(wal_.open());
    EXPECT_EQ(wal_.found, appends({"one", "two"}));
}

TEST_P(WalWriter, FollowsTheChainThroughManyRuns) {
    for (int run = 0; run < 5; ++run) {
        ASSERT_TRUE(wal_.open());
        EXPECT_EQ(wal_.found.size(), static_cast<std::size_t>(run));
        EXPECT_EQ(wal_.options.run_number, static_cast<std::uint32_t>(run) + 1);
        wal_.commit("entry", run);
        wal_.cut_power();
    }
}

TEST_P(WalWriter, CompletesInOrderWhateverTheDeviceDoes) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        WalHarness wal;
        wal.options.commit = GetParam() ? WriteSync::bytes : WriteSync::file;
        wal.options.groups_in_flight = 4;
        wal.storage_options.seed = seed;
        ASSERT_TRUE(wal.open());
        Ends expected;
        for (std::int64_t end = 1; end <= 24; ++end) {
            ASSERT_TRUE(wal.append(
                    filler(100), end, end % 3 == 0 ? Durability::written : Durability::synced));
            expected.push_back(end);
            wal.turn();
            if (end % 2 == 0) wal.step();
            EXPECT_LE(wal.sink.flushed.size(), wal.sink.written.size());
        }
        wal.wal->drain(wal.drain_op);
        wal.settle();
        EXPECT_EQ(wal.sink.written, expected);
        EXPECT_EQ(wal.sink.flushed, expected);
    }
}

TEST_P(WalWriter, GathersEntriesOfATurnIntoOneWrite) {
    ASSERT_TRUE(wal_.open());
    const auto before = wal_.counters.wal_writes;
    for (int i = 0; i < 10; ++i)
        ASSERT_TRUE(wal_.append("small", i + 1));
    wal_.settle();
    EXPECT_EQ(wal_.counters.wal_writes, before + 1);
    EXPECT_EQ(wal_.sink.flushed.size(), 10U);
}

TEST_P(WalWriter, HoldsGroupsBackWhileEnoughAreInFlight) {
    ASSERT_TRUE(wal_.open());
    const auto before = wal_.counters.wal_writes;
    for (int i = 0; i < 6; ++i) {
        ASSERT_TRUE(wal_.append("entry", i + 1));
        wal_.turn();
    }
    // Two fly; the other four wait together for one of them.
    EXPECT_EQ(wal_.counters.wal_writes, before + 2);
    wal_.settle();
    EXPECT_EQ(wal_.counters.wal_writes, before + 3);
    EXPECT_EQ(wal_.sink.flushed.size(), 6U);
}

TEST_P(WalWriter, ClosesAGroupAtItsSizeWithoutWaitingForTheTurn) {
    ASSERT_TRUE(wal_.open());
    const auto before = wal_.counters.groups;
    ASSERT_TRUE(wal_.append(filler(3000), 1));
    ASSERT_TRUE(wal_.append(filler(3000), 2));
    EXPECT_EQ(wal_.counters.groups, before);
    ASSERT_TRUE(wal_.append(filler(3000), 3));  // 8 KiB do not hold three.
    EXPECT_EQ(wal_.counters.groups, before + 1);
    wal_.settle();
    EXPECT_EQ(wal_.counters.groups, before + 2);
}

TEST_P(WalWriter, GivesALargeEntryAGroupOfItsOwn) {
    ASSERT_TRUE(wal_.open());
    wal_.settle();
    ASSERT_TRUE(wal_.append("before", 1));
    ASSERT_TRUE(wal_.append(filler(16 * kKiB), 2));  // A quarter of the file: the most.
    ASSERT_TRUE(wal_.append("behind", 3));
    wal_.settle();
    EXPECT_EQ(wal_.sink.flushed, (Ends{1, 2, 3}));
    const auto refused = wal_.append(filler(16 * kKiB + 1), 4);
    EXPECT_EQ(refused.error().code, Errc::batch_too_large);
    wal_.cut_power();
    ASSERT_TRUE(wal_.open());
    ASSERT_EQ(wal_.found.size(), 3U);
    EXPECT_EQ(wal_.found[1].text, filler(16 * kKiB));
    EXPECT_EQ(wal_.found[2].text, "behind");
}

TEST_P(WalWriter, WritesNothingOfWhatWasTakenBack) {
    ASSERT_TRUE(wal_.open());
    const auto groups = wal_.counters.groups;
    const auto alone = wal_.wal->reserve(EntryKind::append, {}, 100, false).value();
    wal_.wal->take_back(alone);
    wal_.settle();
    EXPECT_EQ(wal_.counters.groups, groups);

    ASSERT_TRUE(wal_.append("kept", 1));
    const auto bad = wal_.wal->reserve(EntryKind::append, {}, 100, false).value();
    EXPECT_EQ(bad.group, alone.group);
    wal_.wal->take_back(bad);
    ASSERT_TRUE(wal_.append("also", 2));
    wal_.settle();
    wal_.cut_power();
    ASSERT_TRUE(wal_.open());
    EXPECT_EQ(wal_.found, appends({"kept", "also"}));
}

TEST_P(WalWriter, TellsAForgottenSinkNothing) {
    ASSERT_TRUE(wal_.open());
    ASSERT_TRUE(wal_.append("flying", 1));
    wal_.turn();
    ASSERT_TRUE(wal_.append("open", 2));
    wal_.wal->forget(wal_.sink);
    wal_.settle();
    EXPECT_TRUE(wal_.sink.written.empty());
    EXPECT_TRUE(wal_.sink.flushed.empty());
}

TEST_P(WalWriter, DrainsEverythingAndThenRefuses) {
    ASSERT_TRUE(wal_.open());
    for (int i = 0; i < 8; ++i)
        ASSERT_TRUE(wal_.append(
                filler(3000), i + 1, i % 2 == 0 ? Durability::synced : Durability::written));
    wal_.wal->drain(wal_.drain_op);
    EXPECT_FALSE(wal_.drained);
    EXPECT_EQ(wal_.append("late", 9).error().code, Errc::shutting_down);
    wal_.settle();
    EXPECT_TRUE(wal_.drained);
    EXPECT_TRUE(wal_.drain_outcome);
    EXPECT_EQ(wal_.sink.flushed.size(), 8U);
    EXPECT_TRUE(wal_.wal->idle());
}

TEST_P(WalWriter, DrainsWithNothingToDoAtTheNextTurn) {
    ASSERT_TRUE(wal_.open());
    wal_.wal->drain(wal_.drain_op);
    EXPECT_FALSE(wal_.drained);
    EXPECT_LE(wal_.wal->next_deadline(), wal_.clock.monotonic_now());
    wal_.turn();
    EXPECT_TRUE(wal_.drained);
}

TEST_P(WalWriter, SaysAfterAnIdleSecondThatTheLastGroupIsFlushed) {
    ASSERT_TRUE(wal_.open());
    wal_.commit("entry", 1);
    const auto groups = wal_.counters.groups;
    EXPECT_EQ(wal_.wal->next_deadline(), wal_.clock.monotonic_now() + 1s);
    wal_.clock.advance(999ms);
    wal_.settle();
    EXPECT_EQ(wal_.counters.groups, groups);
    wal_.clock.advance(1ms);
    wal_.settle();
    EXPECT_EQ(wal_.counters.groups, groups + 1);
    // Once only: nobody was told of the `empty` group.
    wal_.clock.advance(10s);
    wal_.settle();
    EXPECT_EQ(wal_.counters.groups, groups + 1);
    EXPECT_EQ(wal_.wal->next_deadline(), engine::MonotonicTime::max());
}

TEST_P(WalWriter, FlushesWhatNobodyWaitsForAfterASecond) {
    ASSERT_TRUE(wal_.open());
    wal_.commit("plain", 1, Durability::written);
    EXPECT_EQ(wal_.sink.written, Ends{1});
    EXPECT_TRUE(wal_.sink.flushed.empty());
    EXPECT_EQ(wal_.wal->next_deadline(), wal_.clock.monotonic_now() + 1s);
    wal_.clock.advance(1s);
    wal_.settle();
    EXPECT_EQ(wal_.sink.flushed, Ends{1});
}

TEST_P(WalWriter, GathersWhatNobodyWaitsForIntoOneGroup) {
    ASSERT_TRUE(wal_.open());
    const auto before = wal_.counters.groups;
    for (int i = 1; i <= 5; ++i)
        wal_.commit("unawaited", i, Durability::memory);
    EXPECT_EQ(wal_.counters.groups, before);
    EXPECT_EQ(wal_.wal->next_deadline(), wal_.clock.monotonic_now() + 2ms);
    wal_.clock.advance(2ms);
    wal_.settle();
    EXPECT_EQ(wal_.counters.groups, before + 1);
    EXPECT_EQ(wal_.sink.written, (Ends{1, 2, 3, 4, 5}));
}

TEST_P(WalWriter, WritesAGroupAtOnceWhenSomebodyWaitsForAnyOfIt) {
    ASSERT_TRUE(wal_.open());
    wal_.commit("unawaited", 1, Durability::memory);
    EXPECT_TRUE(wal_.sink.written.empty());
    wal_.commit("awaited", 2, Durability::written);
    EXPECT_EQ(wal_.sink.written, (Ends{1, 2}));
    wal_.commit("unawaited", 3, Durability::memory);
    wal_.wal->drain(wal_.drain_op);
    wal_.settle();
    EXPECT_EQ(wal_.sink.flushed, (Ends{1, 2, 3}));
}

TEST_P(WalWriter, FlushesPlainGroupsBeforeASyncedOneCompletes) {
    ASSERT_TRUE(wal_.open());
    wal_.commit("plain", 1, Durability::written);
    EXPECT_TRUE(wal_.sink.flushed.empty());
    ASSERT_TRUE(wal_.append("synced", 2));
    while (wal_.sink.flushed.empty())
        ASSERT_TRUE(wal_.step());
    EXPECT_EQ(wal_.sink.flushed, (Ends{1, 2}));
    wal_.cut_power();
    ASSERT_TRUE(wal_.open());
    EXPECT_EQ(wal_.found, appends({"plain", "synced"}));
}

// Groups overwrite blocks that were written with zeros and flushed before, and nothing else.
TEST_P(WalWriter, WritesGroupsBelowTheFlushedFrontierOnly) {
    std::map<std::string, std::set<std::uint64_t>> written;
    std::map<std::string, std::set<std::uint64_t>> flushed;
    bool group_next_to_nothing = false;
    std::uint64_t group_writes = 0;
    wal_.disk.set_observer([&](const SimOperation& operation) {
        if (operation.kind == FileOpKind::sync_data) {
            flushed[operation.path] = written[operation.path];
        }
        if (operation.kind != FileOpKind::write) return;
        const auto block = operation.position / engine::kBlockBytes;
        const auto blocks = operation.length / engine::kBlockBytes;
        const bool known = flushed[operation.path].contains(block);
        for (std::uint64_t i = block; i < block + blocks; ++i) {
            if (known && !flushed[operation.path].contains(i)) group_next_to_nothing = true;
            written[operation.path].insert(i);
        }
        group_writes += known ? 1 : 0;
    });
    ASSERT_TRUE(wal_.open());
    for (int i = 0; i < 60; ++i)
        wal_.commit(filler(3000), i + 1, i % 4 == 0 ? Durability::written : Durability::synced);
    EXPECT_FALSE(group_next_to_nothing);
    EXPECT_EQ(group_writes, wal_.counters.wal_writes);
    EXPECT_GT(wal_.disk.files().size(), 3U);
}

TEST_P(WalWriter, LeavesNothingOfOldMemoryInTheFile) {
    ASSERT_TRUE(wal_.open());
    const auto place = wal_.wal->reserve(EntryKind::append, {}, 100, false).value();
    // The rest of the image as memory that held something else before.
    std::fill(place.data, place.image->data + place.image->capacity, std::byte{0xee});
    std::fill_n(place.data, place.size, std::byte{'a'});
    wal_.wal->keep(place, &wal_.sink, engine::Offset(1), Durability::synced);
    wal_.settle();
    ASSERT_EQ(wal_.sink.flushed, Ends{1});
    for (const auto& path : wal_.disk.files()) {
        if (!path.ends_with(".wal")) continue;
        // A run of it: checksums may hold single bytes of any value.
        const auto bytes = wal_.disk.contents(path);
        EXPECT_TRUE(std::ranges::search_n(bytes, 16, std::byte{0xee}).empty()) << path;
    }
}

// A waiter is woken when room() suffices for its payload, wherever in a block that ends.
TEST_P(WalWriter, MakesAsMuchRoomAsWhatItRefusedAsksFor) {
    constexpr std::size_t kLarge = 9 * engine::kMiB;  // More than an idle log keeps ready.
    for (std::size_t rest = 0; rest <= engine::kBlockBytes; rest += 512) {
        WalHarness wal;
        wal.options.commit = wal_.options.commit;
        wal.options.file_bytes = 40 * engine::kMiB;
        wal.options.bytes_max = 160 * engine::kMiB;
        ASSERT_TRUE(wal.open());
        const auto large = filler(kLarge + rest);
        const auto refused = wal.append(large, 1);
        ASSERT_FALSE(refused);
        ASSERT_EQ(refused.error().code, engine::Errc::no_room);
        wal.settle();
        EXPECT_GE(wal.wal->room(), large.size());
        EXPECT_TRUE(wal.append(large, 1));
    }
}

}  // namespace
}  // namespace millrace::testing
