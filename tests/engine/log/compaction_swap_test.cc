// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// How compacted segments take the place of those that they were made of: at which moment which
// files are there, what a restart makes of each moment, and what happens beside it meanwhile.
#include "engine/format/record_batch.h"
#include "engine/units.h"
#include "tests/engine/log/compaction_harness.h"
#include "tests/engine/log/producer_batches.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::CompactionHarness;
using testing::FinishedCompact;
using testing::FinishedRead;
using testing::keyed_batch;
using testing::kSomeTime;
using testing::ReadRecord;
using testing::SimDisk;
using testing::SimOperation;

std::vector<std::byte> numbered(int number) {
    return keyed_batch(
            {{fmt::format("k{}", number % 5), std::string(200, 'v') + std::to_string(number)}});
}

void fill(CompactionHarness& harness, int batches = 40) {
    for (int i = 0; i < batches; ++i)
        harness.append(numbered(i));
    harness.rows = harness.only_files();
}

bool has_swaps(const CompactionHarness& harness) {
    return std::ranges::any_of(harness.folder(),
                               [](const auto& name) { return name.ends_with(".swap"); });
}

std::size_t log_files(const CompactionHarness& harness) {
    const auto names = harness.folder();
    return static_cast<std::size_t>(
            std::ranges::count_if(names, [](const auto& name) { return name.ends_with(".log"); }));
}

TEST(CompactionSwap, TouchesNoOldFileBeforeACheckpointNamesTheNewOnes) {
    CompactionHarness harness;
    harness.open(CompactionHarness::config());
    fill(harness);
    const auto before = harness.records();
    const auto logs = log_files(harness);
    FinishedCompact op;
    harness.log->compact(op);
    bool touched = false;
    harness.disk.set_observer([&](const SimOperation& operation) {
        touched = touched || operation.kind == FileOpKind::rename ||
                  (operation.kind == FileOpKind::unlink && !operation.path.ends_with(".swap"));
    });
    EXPECT_TRUE(harness.until_round_or(op));
    harness.settle();
    harness.disk.set_observer(nullptr);
    EXPECT_FALSE(touched);
    EXPECT_FALSE(op.finished);
    EXPECT_TRUE(has_swaps(harness));
    EXPECT_EQ(log_files(harness), logs);
    const auto seen = harness.records();  // Of the new segments.
    EXPECT_LT(seen.size(), before.size());

    harness.restart(harness.rows);
    EXPECT_EQ(harness.records(), before);
    // The next pass is not led astray by what was left.
    harness.compact();
    EXPECT_EQ(harness.records(), seen);
}

TEST(CompactionSwap, IsFinishedByTheNextRunFromEveryMoment) {
    for (std::uint64_t stop = 1; stop < 200; ++stop) {
        CompactionHarness harness;
        harness.open(CompactionHarness::config());
        fill(harness);
        FinishedCompact op;
        harness.log->compact(op);
        ASSERT_TRUE(harness.until_round_or(op));
        const auto seen = harness.records();
        std::uint64_t operations = 0;
        std::optional<SimDisk> dead;
        const auto named = harness.checkpoint();
        ASSERT_TRUE(std::ranges::any_of(named.front().segments,
                                        [](const auto& segment) { return segment.swapping; }));
        harness.disk.set_observer([&](const SimOperation&) {
            if (++operations == stop) dead = harness.disk.killed();
        });
        harness.settle();
        harness.disk.set_observer(nullptr);
        if (!dead) {
            EXPECT_GT(stop, 10U);
            return;
        }
        harness.restart_on(std::move(*dead), named, true);
        EXPECT_EQ(harness.records(), seen) << stop;
        harness.settle_all();
        EXPECT_EQ(harness.records(), seen) << stop;
        EXPECT_FALSE(has_swaps(harness)) << stop;
        EXPECT_EQ(log_files(harness), harness.log->segment_count()) << stop;
        harness.compact();
        EXPECT_EQ(CompactionHarness::last_values(harness.records()),
                  CompactionHarness::last_values(seen));
    }
    FAIL() << "it never ends";
}

TEST(CompactionSwap, BeginsNoOtherPassBeforeARoundHasForgottenTheNames) {
    CompactionHarness harness;
    harness.open(CompactionHarness::config());
    fill(harness);
    EXPECT_TRUE(harness.compact().outcome.has_value());
    for (int i = 0; i < 40; ++i)
        harness.append(numbered(i));
    harness.store_all();
    FinishedCompact op;
    harness.log->compact(op);
    bool made = false;
    harness.disk.set_observer([&](const SimOperation& operation) {
        made = made || (operation.kind == FileOpKind::open && operation.path.ends_with(".swap"));
    });
    for (int turns = 0; turns < 100; ++turns)
        harness.turn();
    EXPECT_FALSE(made);
    EXPECT_TRUE(harness.logs->wants_round());
    const auto rows = harness.checkpoint();
    EXPECT_TRUE(std::ranges::none_of(rows.front().segments,
                                     [](const auto& segment) { return segment.swapping; }));
    while (harness.until_round_or(op) && !op.finished)
        harness.checkpoint();
    harness.disk.set_observer(nullptr);
    EXPECT_TRUE(made);
    EXPECT_TRUE(op.outcome.has_value());
}

TEST(CompactionSwap, DoesNotDisturbReadersThatAreUnderWay) {
    CompactionHarness harness;
    harness.open(CompactionHarness::config());
    fill(harness);
    const auto before = harness.records();
    FinishedCompact op;
    harness.log->compact(op);
    // A reader at every turn, from every offset in turn.
    std::vector<std::unique_ptr<FinishedRead>> reads;
    std::int64_t from = 0;
    for (int turns = 0; turns < 3000 && !op.finished; ++turns) {
        auto& read = *reads.emplace_back(std::make_unique<FinishedRead>());
        read.from = Offset(from++ % 40);
        read.limit = Offset(40);
        read.bytes_max = 1000;
        if (harness.log->read(read) == ReadStatus::complete) read.finished = true;
        harness.turn();
        if (harness.logs->wants_round()) harness.rows = harness.checkpoint();
    }
    ASSERT_TRUE(op.finished);
    harness.settle();
    for (const auto& read : reads) {
        ASSERT_TRUE(read->finished);
        ASSERT_TRUE(read->outcome.has_value()) << read->from.value;
        ASSERT_GT(read->next_offset, read->from);
        for (std::size_t position = 0; position < read->bytes_read().size();) {
            const auto bytes = read->bytes_read();
            const auto batch = BatchView::trusted(bytes.data() + position);
            EXPECT_TRUE(batch.crc_is_right());
            position += batch.size();
        }
    }
    EXPECT_EQ(CompactionHarness::last_values(harness.records()),
              CompactionHarness::last_values(before));
}

TEST(CompactionSwap, LetsRetentionHaveWhatItTakesMeanwhile) {
    for (int turns = 0; turns < 120; turns += 3) {
        CompactionHarness harness;
        harness.open(CompactionHarness::config());
        fill(harness);
        FinishedCompact op;
        harness.log->compact(op);
        for (int i = 0; i < turns && !op.finished; ++i) {
            harness.turn();
            if (harness.logs->wants_round()) harness.rows = harness.checkpoint();
        }
        EXPECT_TRUE(harness.delete_before(17).outcome.has_value());
        while (harness.until_round_or(op) && !op.finished)
            harness.rows = harness.checkpoint();
        harness.settle_all();
        const auto records = harness.records(17);
        EXPECT_EQ(CompactionHarness::last_values(records).size(), 5U) << turns;
        harness.rows = harness.checkpoint();
        harness.restart(harness.rows);
        EXPECT_EQ(harness.records(17), records) << turns;
        EXPECT_EQ(log_files(harness), harness.log->segment_count()) << turns;
    }
}

TEST(CompactionSwap, EndsWithItsLogAtAnyMoment) {
    for (int turns = 0; turns < 150; turns += 2) {
        CompactionHarness harness;
        harness.open(CompactionHarness::config());
        fill(harness);
        FinishedCompact op;
        harness.log->compact(op);
        for (int i = 0; i < turns && !op.finished; ++i) {
            harness.turn();
            if (harness.logs->wants_round()) harness.rows = harness.checkpoint();
        }
        EngineOp removed;
        bool gone = false;
        removed.owner = &gone;
        removed.done = [](EngineOp& over) noexcept { *static_cast<bool*>(over.owner) = true; };
        harness.logs->remove(testing::kOrders, removed);
        harness.log = nullptr;
        EXPECT_TRUE(harness.run_until([&] { return gone && op.finished; })) << turns;
        harness.settle();
        EXPECT_TRUE(harness.folder().empty()) << turns;
        EXPECT_FALSE(harness.failure.has_value());
    }
}

TEST(CompactionSwap, OfAStopIsFinishedWithItsLastRound) {
    for (int turns = 0; turns < 120; turns += 2) {
        CompactionHarness harness;
        harness.open(CompactionHarness::config());
        fill(harness);
        const auto before = CompactionHarness::last_values(harness.records());
        FinishedCompact op;
        harness.log->compact(op);
        for (int i = 0; i < turns && !op.finished; ++i) {
            harness.turn();
            if (harness.logs->wants_round()) harness.rows = harness.checkpoint();
        }
        EXPECT_TRUE(harness.flush_all().has_value());
        harness.rows = harness.checkpoint();
        harness.settle();
        EXPECT_TRUE(op.finished) << turns;
        EXPECT_FALSE(has_swaps(harness)) << turns;
        harness.restart(harness.rows, false);
        EXPECT_EQ(CompactionHarness::last_values(harness.records()), before) << turns;
        harness.settle_all();
        EXPECT_EQ(log_files(harness), harness.log->segment_count()) << turns;
    }
}

TEST(CompactionSwap, LeavesASegmentThatIsDamagedAsItIs) {
    CompactionHarness harness;
    harness.open(CompactionHarness::config());
    fill(harness);
    harness.restart(harness.rows);
    const auto wrong = std::byte{1};
    harness.disk.overwrite("topics/orders-3/00000000000000000003.log", 100, {&wrong, 1});
    const auto op = harness.compact();
    EXPECT_EQ(op.outcome, failure(Errc::damaged_range));
    EXPECT_EQ(harness.read(3).outcome, failure(Errc::damaged_range));
    EXPECT_TRUE(harness.read(2).outcome.has_value());
    EXPECT_TRUE(harness.read(6).outcome.has_value());
    EXPECT_FALSE(has_swaps(harness));
    EXPECT_NE(harness.events.text().find("compaction.failed"), std::string::npos);
}

TEST(CompactionSwap, WithoutRoomForItLeavesTheLogAsItIs) {
    for (int at = 0; at < 12; ++at) {
        CompactionHarness harness;
        harness.open(CompactionHarness::config());
        fill(harness);
        const auto before = harness.records();
        harness.disk.set_fault({.operation = harness.disk.operations() + static_cast<unsigned>(at),
                                .error = ENOSPC,
                                .kind = FileOpKind::allocate});
        const auto op = harness.compact();
        if (op.outcome) continue;  // It was the file of an index of a round.
        EXPECT_EQ(op.outcome, failure(Errc::storage_full));
        EXPECT_FALSE(harness.failure.has_value());
        harness.settle_all();
        EXPECT_FALSE(has_swaps(harness));
        EXPECT_EQ(harness.records(), before);
        EXPECT_TRUE(harness.compact().outcome.has_value());
        EXPECT_LT(harness.records().size(), before.size());
    }
}

TEST(CompactionSwap, KeepsWhatIsKnownOfProducers) {
    CompactionHarness harness;
    harness.open(CompactionHarness::config());
    const auto sent = [](int sequence) {
        return keyed_batch({{"key", std::string(300, 'v')}}, Codec::none, {1, 0, sequence});
    };
    for (int i = 0; i < 7; ++i)
        harness.append(sent(i));
    for (int i = 0; i < 20; ++i)
        harness.append(numbered(i));
    for (int i = 0; i < 8; ++i)
        harness.append(keyed_batch({{"key", std::string(300, 'w')}}));
    harness.rows = harness.only_files();
    for (int pass = 0; pass < 3; ++pass) {
        harness.compact();
        harness.settle_all();
        harness.rows = harness.checkpoint();
        harness.restart(harness.rows);
        // Without any snapshot the log itself has to say it.
        if (pass == 2) {
            for (const auto& name : harness.folder()) {
                if (!name.ends_with(".snapshot")) continue;
                FileOp unlink{.kind = FileOpKind::unlink};
                const auto path = "topics/orders-3/" + name;
                unlink.path = path;
                run_to_completion(*harness.storage, unlink);
            }
        }

        struct Woken : LogWaiter {
            bool done = false;
        } woken;

        woken.ready = [](LogWaiter& waiter) noexcept { static_cast<Woken&>(waiter).done = true; };
        harness.log->wait_for_producers(woken);
        EXPECT_TRUE(harness.run_until([&] { return woken.done; }));
        auto& again = harness.begin_append(sent(6));
        ASSERT_TRUE(again.admitted.has_value()) << pass;
        EXPECT_TRUE(again.duplicate) << pass;
        EXPECT_EQ(again.base_offset, Offset(6));
        EXPECT_EQ(harness.begin_append(sent(8)).admitted, failure(Errc::out_of_order_sequence))
                << pass;
    }
}

}  // namespace
}  // namespace millrace::engine
