// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/index_entry.h"
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::FinishedVerify;
using testing::kOrders;
using testing::LogHarness;

constexpr std::int64_t kDay = 24LL * 3600 * 1000;
const std::string kFolder = "topics/orders-3/";
const std::string kFirst = "00000000000000000000";

class ScrubTest : public ::testing::Test {
protected:
    // Batches of two records; ten of them make a segment, and every second has an index entry.
    void fill(std::int64_t batches = 35) {
        harness_.open({.segment_bytes = 10 * size(), .index_interval_bytes = 1000});
        for (std::int64_t i = 0; i < batches; ++i)
            harness_.append(batch(i));
        rows_ = harness_.only_files();
    }

    static std::vector<std::byte> batch(std::int64_t number) {
        return batch_of(std::string(700, 'v'), 2, 1'700'000'000'000 + number);
    }

    static std::uint32_t size() { return static_cast<std::uint32_t>(batch(0).size()); }

    void verify(FinishedVerify& op) {
        harness_.log->verify(op);
        EXPECT_FALSE(op.finished);
        EXPECT_TRUE(harness_.run_until([&op] { return op.finished; }));
    }

    void flip(const std::string& file, std::uint64_t position) {
        auto bytes = harness_.disk.contents(kFolder + file);
        ASSERT_LT(position, bytes.size()) << file;
        auto byte = bytes[position] ^ std::byte{0x40};
        harness_.disk.overwrite(kFolder + file, position, {&byte, 1});
    }

    // The one range that is damaged.
    void expect_damaged(const std::string& file,
                        std::int64_t first,
                        std::int64_t last,
                        std::string_view reason) {
        FinishedVerify op;
        verify(op);
        EXPECT_TRUE(op.outcome.has_value());
        ASSERT_EQ(op.damaged.size(), 1U);
        EXPECT_EQ(op.damaged_in_all, 1U);
        const auto& range = op.damaged.front();
        EXPECT_EQ(range.file, file);
        EXPECT_EQ(range.first, Offset(first));
        EXPECT_EQ(range.last, Offset(last));
        EXPECT_NE(range.reason.find(reason), std::string::npos) << range.reason;
        EXPECT_TRUE(op.at_end);
        EXPECT_EQ(harness_.failure, std::nullopt);
    }

    LogHarness harness_{{.scrub_interval_ms = 0}};
    std::vector<PartitionRow> rows_;
};

TEST_F(ScrubTest, FindsNothingWhereAllIsRightAndCountsAllOfIt) {
    fill();
    FinishedVerify op;
    verify(op);
    EXPECT_TRUE(op.damaged.empty());
    EXPECT_EQ(op.segments, 4U);
    EXPECT_EQ(op.batches, 35U);
    EXPECT_EQ(op.records, 70U);
    EXPECT_EQ(op.bytes, 35U * size());
    EXPECT_EQ(op.next_offset, Offset(70));
    EXPECT_EQ(harness_.counters.verified_bytes, 35U * size());
    EXPECT_EQ(harness_.counters.damaged_ranges, 0U);
}

TEST_F(ScrubTest, NamesTheOffsetsOfRecordsThatDoNotMatchTheirChecksum) {
    fill();
    flip(kFirst + ".log", 4 * size() + 300);
    expect_damaged(kFirst + ".log", 8, 9, "the checksum is");
}

TEST_F(ScrubTest, NamesOneRangeForNeighboursThatAreDamaged) {
    fill();
    flip(kFirst + ".log", 4 * size() + 300);
    flip(kFirst + ".log", 5 * size() + 300);
    expect_damaged(kFirst + ".log", 8, 11, "the checksum is");
}

TEST_F(ScrubTest, FindsABaseOffsetThatTheChecksumLeavesOut) {
    fill();
    flip(kFirst + ".log", 9 * size() + batch_at::kBaseOffset + 6);
    expect_damaged(kFirst + ".log", 18, 19, "no batch header");
}

TEST_F(ScrubTest, FindsTheLastBatchOfTheActiveSegmentDamaged) {
    fill();
    flip("00000000000000000060.log", 4 * size() + 200);
    expect_damaged("00000000000000000060.log", 68, 69, "the checksum is");
}

TEST_F(ScrubTest, FindsABlockThatTheDeviceCannotRead) {
    fill();
    harness_.disk.make_unreadable(kFolder + "00000000000000000020.log", 0, 4096);
    const auto last = static_cast<std::int64_t>(20 + 4095 / size() * 2 + 1);
    expect_damaged("00000000000000000020.log", 20, last, "the device cannot read it");
}

TEST_F(ScrubTest, FindsAFileThatIsNotThere) {
    fill();
    harness_.disk.remove(kFolder + "00000000000000000020.log");
    harness_.restart(rows_, false);
    expect_damaged("00000000000000000020.log", 20, 39, "cannot be opened");
}

TEST_F(ScrubTest, FindsAnOffsetIndexThatNamesAnotherPlace) {
    fill();
    flip(kFirst + ".index", kOffsetEntryBytes + 7);
    FinishedVerify op;
    verify(op);
    ASSERT_EQ(op.damaged.size(), 1U);
    EXPECT_EQ(op.damaged[0].file, kFirst + ".index");
    EXPECT_EQ(op.damaged[0].position, kOffsetEntryBytes);
}

TEST_F(ScrubTest, FindsAnIndexThatGoesOnBehindTheEndOfItsSegment) {
    fill();
    const auto bytes = harness_.disk.contents(kFolder + kFirst + ".index").size();
    flip(kFirst + ".index", bytes - kOffsetEntryBytes + 4);  // The last place, far away now.
    expect_damaged(kFirst + ".index", 19, 19, "go on behind the end");
}

TEST_F(ScrubTest, FindsATimeIndexThatNamesAnotherTime) {
    fill();
    flip(kFirst + ".timeindex", 7);
    FinishedVerify op;
    verify(op);
    ASSERT_EQ(op.damaged.size(), 1U);
    EXPECT_EQ(op.damaged[0].file, kFirst + ".timeindex");
}

TEST_F(ScrubTest, TakesAMissingIndexForNoDamage) {
    fill();
    harness_.disk.remove(kFolder + kFirst + ".index");
    FinishedVerify op;
    verify(op);
    EXPECT_TRUE(op.damaged.empty());
}

TEST_F(ScrubTest, EndsBehindTheSegmentThatUsesUpTheBytesAskedForAndGoesOnThere) {
    fill();
    flip("00000000000000000020.log", 300);
    FinishedVerify op;
    op.bytes_max = 1;
    verify(op);
    EXPECT_FALSE(op.at_end);
    EXPECT_EQ(op.segments, 1U);
    EXPECT_EQ(op.next_offset, Offset(20));
    EXPECT_TRUE(op.damaged.empty());
    FinishedVerify second;
    second.bytes_max = 1;
    second.from = op.next_offset;
    verify(second);
    EXPECT_EQ(second.next_offset, Offset(40));
    EXPECT_EQ(second.damaged.size(), 1U);
}

TEST_F(ScrubTest, SaysADamagedRangeOnceUntilItIsGone) {
    fill();
    flip(kFirst + ".log", 4 * size() + 300);
    const auto times = [this] {
        const auto text = harness_.events.text();
        int count = 0;
        for (auto at = text.find("log.damaged"); at != std::string::npos; ++count)
            at = text.find("log.damaged", at + 1);
        return count;
    };
    FinishedVerify first;
    verify(first);
    FinishedVerify second;
    verify(second);
    EXPECT_EQ(times(), 1);
    EXPECT_EQ(harness_.counters.damaged_ranges_found, 1U);
    EXPECT_EQ(harness_.counters.damaged_ranges, 1U);
    flip(kFirst + ".log", 4 * size() + 300);
    FinishedVerify third;
    verify(third);
    EXPECT_EQ(harness_.counters.damaged_ranges, 0U);
}

TEST_F(ScrubTest, ForgetsDamageThatTheLogStartHasPassed) {
    fill();
    flip(kFirst + ".log", 4 * size() + 300);
    FinishedVerify op;
    verify(op);
    EXPECT_EQ(harness_.counters.damaged_ranges, 1U);
    EXPECT_TRUE(harness_.delete_before(10).outcome.has_value());
    harness_.clock.advance(std::chrono::seconds(31));
    harness_.settle();
    EXPECT_EQ(harness_.counters.damaged_ranges, 0U);
}

TEST_F(ScrubTest, KeepsNoMemory) {
    fill();
    const auto before = harness_.arena.bytes_in_use();
    FinishedVerify op;
    verify(op);
    EXPECT_EQ(harness_.arena.bytes_in_use(), before);
}

class ScrubPassTest : public ScrubTest {
protected:
    static constexpr std::uint64_t kRate = 1000;  // Less than a segment a second.

    ScrubPassTest() {
        harness_.options.scrub_interval_ms = kDay;
        harness_.options.scrub_bytes_per_second = kRate;
    }

    void fill_and_restart() {
        fill();
        harness_.restart(rows_, false);
    }

    bool passed(std::uint64_t passes = 1) {
        return harness_.run_until(
                [this, passes] { return harness_.counters.scrub_passes >= passes; });
    }
};

TEST_F(ScrubPassTest, ReadsNothingInTheFirstTenMinutesThenAllWithinItsRate) {
    fill_and_restart();
    const auto began = harness_.clock.monotonic_now();
    EXPECT_TRUE(harness_.run_until([this] { return harness_.counters.verified_bytes > 0; }));
    const auto first = harness_.clock.monotonic_now();
    EXPECT_GE(first - began, std::chrono::minutes(10));
    ASSERT_TRUE(passed());
    EXPECT_EQ(harness_.counters.verified_bytes, 35U * size());
    // The last window is read as soon as those before it are paid for.
    const auto seconds =
            std::chrono::duration<double>(harness_.clock.monotonic_now() - first).count();
    const auto least = 30.0 * size() / kRate;
    EXPECT_GE(seconds, least * 0.99);
    EXPECT_LE(seconds, least * 1.2);
    EXPECT_GT(harness_.counters.scrub_pass_ended, 0);
}

TEST_F(ScrubPassTest, ComesAgainAfterTheInterval) {
    fill_and_restart();
    ASSERT_TRUE(passed());
    const auto first = harness_.clock.monotonic_now();
    flip(kFirst + ".log", 300);
    ASSERT_TRUE(passed(2));
    EXPECT_GE(harness_.clock.monotonic_now() - first, std::chrono::hours(23));
    EXPECT_EQ(harness_.counters.damaged_ranges, 1U);
    EXPECT_NE(harness_.events.text().find("scrub.passed"), std::string::npos);
}

TEST_F(ScrubPassTest, TakesSegmentsThatRetentionRemovesMeanwhileForNoDamage) {
    fill_and_restart();
    EXPECT_TRUE(harness_.run_until([this] { return harness_.counters.verified_bytes > 0; }));
    EXPECT_TRUE(harness_.delete_before(40).outcome.has_value());
    harness_.settle();
    const auto names = harness_.folder();
    EXPECT_EQ(std::ranges::count_if(names, [](const auto& n) { return n.ends_with(".log"); }), 2);
    ASSERT_TRUE(passed());
    EXPECT_EQ(harness_.counters.damaged_ranges_found, 0U);
}

TEST_F(ScrubPassTest, EndsWithItsLog) {
    fill_and_restart();
    EXPECT_TRUE(harness_.run_until([this] { return harness_.counters.verified_bytes > 0; }));
    EngineOp removed;
    bool gone = false;
    removed.owner = &gone;
    removed.done = [](EngineOp& op) noexcept { *static_cast<bool*>(op.owner) = true; };
    FinishedVerify waiting;
    harness_.log->verify(waiting);
    harness_.logs->remove(kOrders, removed);
    EXPECT_TRUE(waiting.finished);
    EXPECT_EQ(waiting.outcome.error().code, Errc::shutting_down);
    EXPECT_TRUE(harness_.run_until([&gone] { return gone; }));
    ASSERT_TRUE(passed());
    EXPECT_EQ(harness_.counters.damaged_ranges_found, 0U);
}

TEST_F(ScrubPassTest, DoesNotHoldUpACleanStop) {
    fill_and_restart();
    EXPECT_TRUE(harness_.run_until([this] { return harness_.counters.verified_bytes > 0; }));
    const auto before = harness_.clock.monotonic_now();
    EXPECT_TRUE(harness_.flush_all().has_value());
    harness_.settle();
    EXPECT_TRUE(harness_.logs->idle());
    EXPECT_LT(harness_.clock.monotonic_now() - before, std::chrono::seconds(2));
}

TEST_F(ScrubPassTest, FindsAgainAfterARestartWhatAnEarlierRunFound) {
    fill_and_restart();
    flip(kFirst + ".log", 300);
    ASSERT_TRUE(passed());
    harness_.restart(rows_, true);
    harness_.counters = {};
    ASSERT_TRUE(passed());
    EXPECT_EQ(harness_.counters.damaged_ranges, 1U);
}

}  // namespace
}  // namespace millrace::engine
