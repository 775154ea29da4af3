// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/record_batch.h"
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

#include <random>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::LogHarness;
using testing::operator+;
using testing::stored;

std::string value_of(std::int64_t i) {
    return std::string(static_cast<std::size_t>(100 + i * 53 % 700),
                       static_cast<char>('a' + i % 26));
}

// Every record is there once, in order; from `raised` on with the next epoch.
void expect_records(LogHarness& harness,
                    std::int64_t count,
                    std::int64_t raised,
                    LeaderEpoch epoch) {
    ASSERT_EQ(harness.log->offsets().log_end, Offset(count));
    for (std::int64_t i = 0; i < count; ++i) {
        const auto read = harness.read(i, 1);
        ASSERT_TRUE(read.outcome.has_value()) << i;
        const auto expected = i < raised ? epoch : epoch + 1;
        ASSERT_EQ(read.bytes_read(), stored(batch_of(value_of(i)), i, expected)) << i;
    }
}

TEST(LogRecovery, GoesOnBehindTheRecoveredTail) {
    LogHarness harness;
    harness.open();
    for (int i = 0; i < 10; ++i)
        harness.append(batch_of(value_of(i)));
    harness.restart({}, false);
    EXPECT_EQ(harness.log->offsets().flushed_end, Offset(10));
    EXPECT_EQ(harness.log->offsets().visible_end, Offset(10));
    EXPECT_EQ(harness.append(batch_of(value_of(10))), 10);
    expect_records(harness, 11, 11, 0);
}

TEST(LogRecovery, GoesOnInTheMiddleOfAnEntryAndOfABlock) {
    for (int stored_runs = 0; stored_runs < 4; ++stored_runs) {
        LogHarness harness({.run_bytes = 700});
        harness.open({.segment_bytes = 5000});
        std::vector<std::byte> many;
        for (int i = 0; i < 12; ++i)
            many = many + batch_of(value_of(i));
        harness.append(many);
        const auto runs = static_cast<std::uint64_t>(stored_runs);
        harness.wal.live = 900;
        ASSERT_TRUE(harness.run_until([&] { return harness.counters.runs >= runs; }));
        harness.wal.live = 0;
        harness.settle();
        const auto rows = harness.checkpoint();
        harness.restart(rows, true);
        EXPECT_EQ(harness.append(batch_of(value_of(12))), 12);
        expect_records(harness, 13, 12, 0);
        harness.only_files();
        expect_records(harness, 13, 12, 0);
    }
}

TEST(LogRecovery, RaisesTheEpochWithTheFirstAppendAfterAnUncleanStop) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of(value_of(0)));
    harness.restart({}, true);
    EXPECT_EQ(harness.log->leader_epoch(), 1);
    const auto entries = harness.wal.entries.size();
    harness.append(batch_of(value_of(1)));
    ASSERT_EQ(harness.wal.entries.size(), entries + 2);
    EXPECT_EQ(harness.wal.entries[entries].kind, EntryKind::epoch);
    harness.append(batch_of(value_of(2)));
    EXPECT_EQ(harness.wal.entries.size(), entries + 3);
    expect_records(harness, 3, 1, 0);
    EXPECT_EQ(harness.log->epoch_end(0).end_offset, Offset(1));
    EXPECT_EQ(harness.log->epoch_end(1).end_offset, Offset(3));
}

TEST(LogRecovery, KeepsTheEpochAfterACleanStop) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of(value_of(0)));
    ASSERT_TRUE(harness.flush_all().has_value());
    harness.restart(harness.checkpoint(), false);
    EXPECT_EQ(harness.log->leader_epoch(), 0);
    harness.append(batch_of(value_of(1)));
    expect_records(harness, 2, 2, 0);
}

TEST(LogRecovery, WritesNoEpochEntryForABatchThatIsRefused) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of(value_of(0)));
    harness.restart({}, true);
    const auto entries = harness.wal.entries.size();
    auto bad = batch_of("bad");
    bad.back() ^= std::byte{1};
    EXPECT_EQ(harness.begin_append(bad).admitted.error().code, Errc::corrupt_batch);
    EXPECT_EQ(harness.wal.entries.size(), entries);
}

TEST(LogRecovery, RemembersEpochsAcrossCheckpoints) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of(value_of(0)));
    harness.restart({}, true);
    harness.append(batch_of(value_of(1)));
    const auto rows = harness.only_files();
    ASSERT_EQ(rows.size(), 1U);
    const std::vector<EpochRow> expected{{0, Offset(0)}, {1, Offset(1)}};
    EXPECT_EQ(rows[0].epochs, expected);
    harness.restart(rows, true);
    EXPECT_EQ(harness.log->leader_epoch(), 2);
    EXPECT_EQ(harness.log->epoch_end(0).end_offset, Offset(1));
    EXPECT_EQ(harness.log->epoch_end(1).epoch, 1);
    EXPECT_EQ(harness.log->epoch_end(1).end_offset, Offset(2));
    EXPECT_EQ(harness.log->epoch_end(7).epoch, 2);
}

TEST(LogRecovery, SizesAndSegmentsAreThoseOfBefore) {
    LogHarness harness;
    harness.open({.segment_bytes = 2000});
    for (int i = 0; i < 30; ++i)
        harness.append(batch_of(value_of(i)));
    harness.store_all();
    const auto rows = harness.checkpoint();
    for (int i = 30; i < 40; ++i)
        harness.append(batch_of(value_of(i)));
    const auto bytes = harness.log->size_bytes();
    const auto segments = harness.log->segment_count();
    harness.restart(rows, true);
    EXPECT_EQ(harness.log->size_bytes(), bytes);
    EXPECT_EQ(harness.log->segment_count(), segments);
}

// A power cut at any moment: what the checkpoint names is there, and the WAL gives the rest.
TEST(LogRecovery, LosesNothingWhereverThePowerFails) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        LogHarness harness({.run_bytes = 2000});
        harness.storage_options.seed = seed;
        harness.open({.segment_bytes = 6000, .index_interval_bytes = 700});
        std::vector<PartitionRow> rows;
        std::int64_t count = 0;
        LeaderEpoch epochs = 0;
        for (int step = 0; step < 120; ++step) {
            const auto choice = random() % 10;
            if (choice < 6) harness.append(batch_of(value_of(count++)));
            harness.wal.live = choice < 8 ? 900 : 0;
            harness.turn();
            if (choice == 8) rows = harness.checkpoint();
            if (choice != 9 || step % 3 != 0) continue;
            const auto survives = [&random] { return random() % 2 == 0; };
            harness.restart_on(harness.disk.crashed(survives, 512), rows, true);
            ASSERT_EQ(harness.log->offsets().log_end, Offset(count));
            ++epochs;
        }
        harness.wal.live = 900;
        harness.only_files();
        ASSERT_EQ(harness.failure, std::nullopt) << harness.failed_what;
        for (std::int64_t i = 0; i < count; ++i) {
            const auto read = harness.read(i, 1);
            ASSERT_TRUE(read.outcome.has_value()) << i;
            const auto bytes = read.bytes_read();
            const auto epoch = BatchView::trusted(bytes.data()).leader_epoch();
            ASSERT_LE(epoch, epochs);
            ASSERT_EQ(bytes, stored(batch_of(value_of(i)), i, epoch)) << i;
        }
    }
}

}  // namespace
}  // namespace millrace::engine
