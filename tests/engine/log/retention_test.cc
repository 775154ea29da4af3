// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::LogHarness;

constexpr TimestampMs kStart = 1'700'000'000'000;  // FakeClock's.
constexpr std::chrono::seconds kInterval(30);
constexpr std::int64_t kMinute = 60'000;

// Two batches make a segment.
LogConfig config(std::int64_t retention_ms, std::int64_t retention_bytes = -1) {
    return {.segment_bytes = 800, .retention_ms = retention_ms, .retention_bytes = retention_bytes};
}

class RetentionTest : public ::testing::Test {
protected:
    // Batches of one record, stored in segment files.
    void append(int count, TimestampMs timestamp) {
        for (int i = 0; i < count; ++i)
            harness_.append(batch_of(std::string(300, 'x'), 1, timestamp));
        harness_.store_all();
    }

    std::int64_t start() { return harness_.log->offsets().log_start.value; }

    // The next look of the engine, and what it leads to.
    void pass() {
        harness_.clock.advance(kInterval);
        harness_.settle();
        harness_.wal.flush_all();
        harness_.settle();
    }

    std::size_t files() {
        const auto names = harness_.folder();
        return static_cast<std::size_t>(std::ranges::count_if(
                names, [](const auto& name) { return name.ends_with(".log"); }));
    }

    LogHarness harness_;
};

TEST_F(RetentionTest, KeepsEverythingForEverUnlessToldOtherwise) {
    harness_.open(config(-1));
    append(10, 1);
    EXPECT_EQ(harness_.expire().segments, 0U);
    pass();
    EXPECT_EQ(start(), 0);
    EXPECT_EQ(harness_.wal.entries.size(), 10U);
}

TEST_F(RetentionTest, DeletesSegmentsWhoseLargestTimestampIsTooOldWithinThirtySeconds) {
    harness_.open(config(kMinute));
    append(2, kStart - 2 * kMinute);
    append(1, kStart - 2 * kMinute);
    append(1, kStart);  // The second segment is as young as its youngest record.
    append(4, kStart - 2 * kMinute);
    pass();
    EXPECT_EQ(start(), 2);
    EXPECT_EQ(files(), 3U);
    EXPECT_NE(harness_.events.text().find("retention.deleted"), std::string::npos);
    EXPECT_NE(harness_.events.text().find("segments=1"), std::string::npos)
            << harness_.events.text();
}

TEST_F(RetentionTest, KeepsASegmentUntilItIsOlderThanTheBoundByAMillisecond) {
    harness_.open(config(kMinute));
    append(4, kStart - kMinute);
    EXPECT_EQ(harness_.expire().segments, 0U);
    harness_.clock.advance(std::chrono::milliseconds(1));
    EXPECT_EQ(harness_.expire().segments, 2U);
}

TEST_F(RetentionTest, RollsTheLastSegmentWhenAllOfItIsTooOld) {
    harness_.open(config(kMinute));
    append(5, kStart - 2 * kMinute);
    pass();
    EXPECT_EQ(start(), 5);
    harness_.store_all();
    EXPECT_EQ(files(), 0U);
    harness_.append(batch_of("new"));
    EXPECT_EQ(harness_.log->offsets().log_end, Offset(6));
}

TEST_F(RetentionTest, KeepsTheLastSegmentForItsYoungestRecordInTheWal) {
    harness_.open(config(kMinute));
    append(1, kStart - 2 * kMinute);
    harness_.append(batch_of("young", 1, kStart));
    EXPECT_EQ(harness_.expire().segments, 0U);
    harness_.clock.advance(std::chrono::minutes(2));
    const auto expired = harness_.expire();
    EXPECT_EQ(expired.segments, 1U);
    EXPECT_EQ(expired.log_start, Offset(2));
    harness_.store_all();
    EXPECT_EQ(files(), 0U);
}

TEST_F(RetentionTest, BySizeKeepsAtLeastTheBound) {
    harness_.open(config(-1));
    append(10, kStart);
    const auto segment = harness_.log->size_bytes() / 5;
    auto bounded = config(-1, static_cast<std::int64_t>(3 * segment + 1));
    harness_.log->set_config(bounded);
    EXPECT_EQ(harness_.expire().segments, 1U);
    bounded.retention_bytes -= 1;
    harness_.log->set_config(bounded);
    EXPECT_EQ(harness_.expire().segments, 1U);
    EXPECT_EQ(start(), 4);
    bounded.retention_bytes = 0;
    harness_.log->set_config(bounded);
    pass();
    EXPECT_EQ(start(), 8);  // The last segment is not a whole one.
}

TEST_F(RetentionTest, ChangesWithTheConfigurationOfALogThatLives) {
    harness_.open(config(-1));
    append(10, kStart - 2 * kMinute);
    pass();
    EXPECT_EQ(start(), 0);
    harness_.log->set_config(config(kMinute));
    pass();
    EXPECT_EQ(start(), 10);
}

TEST_F(RetentionTest, IsNotMovedByAClockThatJumpsAhead) {
    harness_.open(config(kMinute * 60 * 24));
    append(10, kStart);
    harness_.clock.set_wall(kStart + kMinute * 60 * 24 * 365);
    for (int i = 0; i < 10; ++i)
        pass();
    EXPECT_EQ(start(), 0);
}

TEST_F(RetentionTest, KeepsWhatTheWallClockWouldKeepWhenItIsBehindTheGuardedOne) {
    harness_.guarded_clock = kStart + kMinute * 60 * 24 * 365;
    harness_.restart({}, false);
    harness_.log->set_config(config(kMinute));
    append(10, kStart);
    pass();
    EXPECT_EQ(start(), 0);
    pass();
    pass();
    EXPECT_EQ(start(), 10);
}

TEST_F(RetentionTest, ByTimeIsHeldForAnHourAfterAStartFarAheadOfTheLast) {
    harness_.guarded_clock = kStart - 25 * 60 * kMinute;
    harness_.restart({}, false);
    harness_.log->set_config(config(kMinute));
    append(10, kStart - 2 * kMinute);
    for (int i = 0; i < 118; ++i)
        pass();
    EXPECT_EQ(start(), 0);
    auto by_size = config(kMinute, 2000);
    harness_.log->set_config(by_size);
    pass();
    EXPECT_EQ(start(), 4);
    for (int i = 0; i < 2; ++i)
        pass();
    EXPECT_EQ(start(), 10);
}

TEST_F(RetentionTest, CountsASegmentWithoutTimestampsFromWhenItWasRolled) {
    harness_.open(config(kMinute));
    append(2, -1);
    harness_.clock.advance(std::chrono::seconds(50));
    append(2, -1);
    harness_.clock.advance(std::chrono::seconds(50));
    EXPECT_EQ(harness_.expire().segments, 0U);
    harness_.clock.advance(std::chrono::seconds(20));
    EXPECT_EQ(harness_.expire().segments, 1U);
    EXPECT_EQ(start(), 2);
}

TEST_F(RetentionTest, WakesNobodyWhileNothingHasARetention) {
    harness_.open(config(-1));
    append(1, kStart);
    const auto before = harness_.clock.monotonic_now();
    EXPECT_FALSE(harness_.run_until([] { return false; }));
    EXPECT_LT(harness_.clock.monotonic_now() - before, std::chrono::minutes(5));
}

}  // namespace
}  // namespace millrace::engine
