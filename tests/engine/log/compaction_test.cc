// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Compaction of a log: what stays, at which offsets, and what readers and restarts find.
#include "engine/format/record_batch.h"
#include "engine/units.h"
#include "tests/engine/log/compaction_harness.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::CompactionHarness;
using testing::FinishedCompact;
using testing::keyed_batch;
using testing::KeyedRecord;
using testing::kSomeTime;
using testing::ReadRecord;
using testing::SimOperation;

constexpr std::int64_t kDay = 24LL * 3600 * 1000;

std::string padded(const std::string& text) {
    return text + std::string(100, '.');
}

// `rounds` times a batch with one record of each key, and what closes the last segment.
void append_rounds(CompactionHarness& harness, int rounds, int keys, Codec codec = Codec::none) {
    for (int round = 0; round < rounds; ++round) {
        std::vector<KeyedRecord> records;
        for (int key = 0; key < keys; ++key) {
            records.push_back({fmt::format("k{}", key),
                               padded(fmt::format("{}-{}", key, round)),
                               kSomeTime + round});
        }
        harness.append_checked(keyed_batch(records, codec));
    }
}

std::vector<std::string> files(const CompactionHarness& harness, std::string_view suffix) {
    auto names = harness.folder();
    std::erase_if(names, [suffix](const auto& name) { return !name.ends_with(suffix); });
    return names;
}

class CompactionOfCodec : public ::testing::TestWithParam<Codec> {};

TEST_P(CompactionOfCodec, KeepsTheLastRecordOfEveryKeyAtItsOffset) {
    CompactionHarness harness;
    harness.open(CompactionHarness::config());
    append_rounds(harness, 20, 5, GetParam());
    harness.only_files();
    const auto before = harness.records();
    ASSERT_EQ(before.size(), 100U);

    const auto op = harness.compact();
    ASSERT_TRUE(op.outcome.has_value());
    EXPECT_LT(op.counts.records_after, op.counts.records_before);
    const auto after = harness.records();
    EXPECT_LT(after.size(), before.size());
    EXPECT_EQ(CompactionHarness::last_values(after), CompactionHarness::last_values(before));
    // Nothing is invented, and what is there is as it was.
    std::size_t at = 0;
    for (const auto& record : after) {
        while (at < before.size() && before[at].offset < record.offset)
            ++at;
        ASSERT_LT(at, before.size());
        EXPECT_EQ(record, before[at]);
    }
    EXPECT_EQ(harness.log->offsets().log_end, Offset(100));
    // Below the active segment every key is there once.
    std::set<std::string> seen;
    const auto active = harness.rows.front().segments.back().base.value;
    for (const auto& record : after) {
        if (record.offset < active) {
            EXPECT_TRUE(seen.insert(record.key).second) << record.offset;
        }
    }
    for (const auto& batch : harness.batches())
        EXPECT_TRUE(BatchView::trusted(batch.data()).codec() == GetParam() ||
                    BatchView::trusted(batch.data()).emptied());
}

INSTANTIATE_TEST_SUITE_P(
        All,
        CompactionOfCodec,
        ::testing::Values(Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd));

TEST(Compaction, IsThereAgainAfterARestart) {
    CompactionHarness harness;
    harness.open(CompactionHarness::config());
    append_rounds(harness, 20, 5);
    harness.only_files();
    harness.compact();
    harness.settle_all();
    const auto before = harness.records();
    harness.rows = harness.checkpoint();
    harness.restart(harness.rows);
    EXPECT_EQ(harness.records(), before);
    EXPECT_TRUE(files(harness, ".swap").empty());
    // Once more changes nothing that readers see.
    harness.compact();
    EXPECT_EQ(CompactionHarness::last_values(harness.records()),
              CompactionHarness::last_values(before));
}

TEST(Compaction, LeavesTheActiveSegmentAsItIs) {
    CompactionHarness harness;
    harness.open(CompactionHarness::config(1U << 20U));
    append_rounds(harness, 20, 5);
    harness.only_files();
    const auto op = harness.compact();
    EXPECT_TRUE(op.outcome.has_value());
    EXPECT_EQ(op.counts.segments_before, 0U);
    EXPECT_EQ(harness.records().size(), 100U);
}

TEST(Compaction, JoinsNeighboursThatHaveBecomeSmall) {
    CompactionHarness harness;
    harness.open(CompactionHarness::config());
    append_rounds(harness, 40, 5);
    harness.only_files();
    const auto segments = harness.log->segment_count();
    harness.compact();
    harness.compact();
    harness.settle_all();
    EXPECT_LT(harness.log->segment_count(), segments / 4);
    EXPECT_EQ(files(harness, ".log").size(), harness.log->segment_count());
    EXPECT_EQ(files(harness, ".index").size(), harness.log->segment_count() - 1);
    EXPECT_EQ(CompactionHarness::last_values(harness.records()).size(), 5U);
}

TEST(Compaction, LetsReadersBeginAtEveryOffsetThatWas) {
    CompactionHarness harness;
    harness.open(CompactionHarness::config());
    append_rounds(harness, 20, 5);
    harness.only_files();
    harness.compact();
    const auto all = harness.records();
    for (std::int64_t from = 0; from < 100; ++from) {
        const auto got = harness.records(from);
        const auto first = std::ranges::find_if(
                all, [from](const auto& record) { return record.offset >= from; });
        EXPECT_EQ(got, std::vector<ReadRecord>(first, all.end())) << from;
    }
}

TEST(Compaction, LetsTimesBeFoundAcrossWhatIsMissing) {
    CompactionHarness harness;
    harness.open(CompactionHarness::config());
    append_rounds(harness, 20, 5);
    harness.only_files();
    harness.compact();
    const auto all = harness.records();
    for (int round = 0; round < 20; ++round) {
        const auto found = harness.look_up(kSomeTime + round);
        const auto first = std::ranges::find_if(
                all, [round](const auto& record) { return record.timestamp >= kSomeTime + round; });
        ASSERT_TRUE(found.outcome.has_value());
        ASSERT_TRUE(found.found) << round;
        EXPECT_EQ(found.offset, Offset(first->offset)) << round;
    }
}

// One tombstone among values, in sealed segments.
void append_tombstone(CompactionHarness& harness) {
    harness.append(keyed_batch({{"gone", padded("v")}, {"stays", padded("v")}}));
    harness.append(keyed_batch({{"gone", std::nullopt}}));
    for (int i = 0; i < 12; ++i)
        harness.append(keyed_batch({{"filler", padded("f")}}));
}

bool has_tombstone(CompactionHarness& harness) {
    const auto all = harness.records();
    return std::ranges::any_of(all, [](const auto& each) { return !each.value; });
}

TEST(Compaction, KeepsTombstonesForTheirTimeAndNoLonger) {
    CompactionHarness harness;
    harness.open(CompactionHarness::config());
    append_tombstone(harness);
    harness.only_files();
    const auto begun = harness.clock.wall_now();
    harness.compact();
    EXPECT_TRUE(has_tombstone(harness));
    const auto all = harness.records();
    EXPECT_EQ(std::ranges::count_if(all, [](const auto& each) { return each.key == "gone"; }), 1);
    for (const auto& record : all)
        EXPECT_EQ(record.timestamp, kSomeTime);
    bool found = false;
    for (const auto& bytes : harness.batches()) {
        const auto batch = BatchView::trusted(bytes.data());
        if (!batch.has_delete_horizon()) continue;
        found = true;
        EXPECT_GE(batch.base_timestamp(), begun + kDay);
        EXPECT_LE(batch.base_timestamp(), harness.clock.wall_now() + kDay);
        EXPECT_EQ(batch.max_timestamp(), kSomeTime);
    }
    EXPECT_TRUE(found);

    harness.clock.advance(std::chrono::hours(23));
    harness.compact();
    EXPECT_TRUE(has_tombstone(harness));
    harness.clock.advance(std::chrono::hours(2));
    harness.compact();
    EXPECT_FALSE(has_tombstone(harness));
    EXPECT_EQ(CompactionHarness::last_values(harness.records()).size(), 2U);
    EXPECT_EQ(harness.counters.compaction_tombstones_removed, 1U);
}

TEST(Compaction, TakesNoTombstoneWhileOneOfTwoClocksKeepsIt) {
    CompactionHarness harness;
    harness.open(CompactionHarness::config());
    append_tombstone(harness);
    harness.only_files();
    harness.compact();
    harness.clock.set_wall(harness.clock.wall_now() + 3 * kDay);
    harness.compact();
    EXPECT_TRUE(has_tombstone(harness));
}

TEST(Compaction, TakesTheTimeOfTombstonesFromTheSettingsOfTheMoment) {
    CompactionHarness harness;
    auto config = CompactionHarness::config();
    harness.open(config);
    append_tombstone(harness);
    harness.only_files();
    config.delete_retention_ms = 0;
    harness.log->set_config(config);
    harness.compact();
    harness.clock.advance(std::chrono::milliseconds(5));
    harness.compact();
    EXPECT_FALSE(has_tombstone(harness));
}

TEST(Compaction, BeginsByItselfAsTheSettingsSay) {
    CompactionHarness harness;
    auto config = CompactionHarness::config();
    config.dirty_ratio_min = 1;
    config.compaction_lag_max_ms = 2 * kDay;
    config.compaction_lag_min_ms = kDay / 2;
    harness.open(config);
    append_rounds(harness, 20, 5);
    harness.only_files();
    const auto wait = [&harness](std::chrono::hours hours) {
        harness.clock.advance(hours);
        for (int turns = 0; turns < 5; ++turns) {
            harness.clock.advance(std::chrono::seconds(16));
            harness.settle_all();
        }
    };
    // All of it is dirty, but too young.
    wait(std::chrono::hours(1));
    EXPECT_EQ(harness.counters.compaction_passes, 0U);
    wait(std::chrono::hours(12));
    EXPECT_EQ(harness.counters.compaction_passes, 1U);
    // Some of it is clean: the ratio is not reached, until it has been dirty for too long.
    append_rounds(harness, 20, 5);
    harness.only_files();
    wait(std::chrono::hours(13));
    EXPECT_EQ(harness.counters.compaction_passes, 1U);
    wait(std::chrono::hours(48));
    EXPECT_EQ(harness.counters.compaction_passes, 2U);
    // Nothing dirty, no pass.
    wait(std::chrono::hours(48));
    EXPECT_EQ(harness.counters.compaction_passes, 2U);
}

TEST(Compaction, BeginsAndEndsWithTheSettingWhileTheLogLives) {
    CompactionHarness harness;
    auto config = CompactionHarness::config();
    config.compacts = false;
    harness.open(config);
    append_rounds(harness, 20, 5);
    harness.only_files();
    const auto refused = harness.compact();
    EXPECT_EQ(refused.counts.segments_before, 0U);
    EXPECT_EQ(harness.records().size(), 100U);
    config.compacts = true;
    harness.log->set_config(config);
    EXPECT_TRUE(harness.run_until([&] { return harness.logs->wants_round(); }));
    harness.settle_all();
    EXPECT_LT(harness.records().size(), 100U);
}

TEST(Compaction, GoesOverALogInSeveralPassesWhereKeysDoNotFit) {
    EngineOptions options;
    options.shards = 64;  // 4 MiB for keys.
    CompactionHarness harness(options);
    harness.open(CompactionHarness::config(1U << 20U));
    for (int round = 0; round < 2; ++round) {
        for (int key = 0; key < 100; ++key) {
            const auto name = fmt::format("{:03}", key) + std::string(100'000, 'k');
            harness.append(keyed_batch({{name, fmt::format("{}-{}", key, round)}}));
        }
    }
    for (int i = 0; i < 3; ++i) {
        harness.append(keyed_batch({{"x" + std::string(600'000, 'x'), "last"}}));
    }
    harness.only_files();
    const auto before = CompactionHarness::last_values(harness.records());
    const auto op = harness.compact();
    ASSERT_TRUE(op.outcome.has_value());
    EXPECT_GT(harness.counters.compaction_passes, 2U);
    EXPECT_EQ(CompactionHarness::last_values(harness.records()), before);
    EXPECT_LT(harness.records().size(), 115U);
    EXPECT_GT(op.counts.records_before, 190U);
    EXPECT_LT(op.counts.records_after, 115U);
}

TEST(Compaction, ReadsNoFasterThanItMay) {
    EngineOptions options;
    options.compaction_bytes_per_second = 1 * kMiB;
    CompactionHarness harness(options);
    harness.open(CompactionHarness::config(1U << 20U));
    for (int i = 0; i < 90; ++i)
        harness.append(keyed_batch({{"key", std::string(100'000, 'v')}}));
    harness.only_files();
    const auto begin = harness.clock.monotonic_now();
    harness.compact();
    const auto took = harness.clock.monotonic_now() - begin;
    EXPECT_GE(took, std::chrono::seconds(14));  // Eight MiB, twice.
    EXPECT_LE(took, std::chrono::seconds(30));
}

}  // namespace
}  // namespace millrace::engine
