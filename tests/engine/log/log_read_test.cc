// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::FinishedRead;
using testing::LogHarness;
using testing::operator+;
using testing::stored;

TEST(LogRead, GivesTheBatchThatHoldsTheOffset) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a", 5));
    harness.append(batch_of("b", 5));
    const auto read = harness.read(7);
    EXPECT_EQ(read.bytes_read(), stored(batch_of("b", 5), 5));
    EXPECT_EQ(read.next_offset, Offset(10));
}

TEST(LogRead, RefusesOffsetsOutsideTheLog) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a", 2));
    EXPECT_TRUE(harness.read(2).outcome.has_value());
    EXPECT_TRUE(harness.read(2).slices.empty());
    EXPECT_EQ(harness.read(3).outcome.error().code, Errc::offset_out_of_range);
    EXPECT_EQ(harness.read(-1).outcome.error().code, Errc::offset_out_of_range);
}

// The same of memory and of files.
class LogReadEverywhere : public ::testing::TestWithParam<bool> {
protected:
    void fill() {
        harness_.open();
        harness_.append(batch_of("a", 2));
        harness_.append(batch_of("b", 2) + batch_of("c", 2));
        harness_.append(batch_of("d", 2));
        if (GetParam()) harness_.only_files();
    }

    LogHarness harness_;
};

TEST_P(LogReadEverywhere, StopsBelowTheLimitWithWholeBatches) {
    fill();
    for (std::int64_t limit = 0; limit <= 8; ++limit) {
        const auto read = harness_.read(0, 1U << 20U, limit);
        EXPECT_EQ(read.next_offset.value, limit / 2 * 2) << limit;
        EXPECT_TRUE(read.outcome.has_value());
    }
}

TEST_P(LogReadEverywhere, StopsAtTheBytesAskedForButGivesOneBatch) {
    fill();
    const auto size = static_cast<std::uint32_t>(batch_of("a", 2).size());
    EXPECT_EQ(harness_.read(0, 1).next_offset, Offset(2));
    EXPECT_EQ(harness_.read(0, 2 * size - 1).next_offset, Offset(2));
    EXPECT_EQ(harness_.read(0, 2 * size).next_offset, Offset(4));
    EXPECT_EQ(harness_.read(0, 3 * size).next_offset, Offset(6));
    EXPECT_EQ(harness_.read(2, 2 * size).next_offset, Offset(6));
    EXPECT_EQ(harness_.read(2, 1).next_offset, Offset(4));
    const auto none = harness_.read(3, size - 1, INT64_MAX, false);
    EXPECT_TRUE(none.outcome.has_value());
    EXPECT_TRUE(none.slices.empty());
    EXPECT_EQ(none.next_offset, Offset(3));
    EXPECT_EQ(harness_.read(3, size, INT64_MAX, false).next_offset, Offset(4));
}

TEST_P(LogReadEverywhere, GivesEveryOffsetItsBatch) {
    fill();
    const auto all = stored(batch_of("a", 2), 0) + stored(batch_of("b", 2), 2) +
                     stored(batch_of("c", 2), 4) + stored(batch_of("d", 2), 6);
    const auto size = all.size() / 4;
    for (std::int64_t from = 0; from < 8; ++from) {
        const auto read = harness_.read(from).bytes_read();
        const auto skipped = static_cast<std::ptrdiff_t>(size) * (from / 2);
        EXPECT_EQ(read, std::vector<std::byte>(all.begin() + skipped, all.end())) << from;
    }
}

INSTANTIATE_TEST_SUITE_P(Places,
                         LogReadEverywhere,
                         ::testing::Values(false, true),
                         [](const auto& place) { return place.param ? "Files" : "Tail"; });

TEST(LogRead, TakesNothingFromTheDiskWhileTheTailHasIt) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a"));
    harness.store_all();
    harness.checkpoint();
    const auto before = harness.disk.operations();
    EXPECT_EQ(harness.read(0).bytes_read(), stored(batch_of("a"), 0));
    EXPECT_EQ(harness.disk.operations(), before);
    EXPECT_EQ(harness.counters.tail_reads, 1U);
}

TEST(LogRead, PutsTheTailBehindWhatTheFilesHave) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a", 2));
    harness.append(batch_of("b", 2));
    harness.only_files();
    harness.append(batch_of("c", 2));
    harness.append(batch_of("d", 2));
    const auto read = harness.read(1);
    EXPECT_EQ(read.bytes_read(),
              stored(batch_of("a", 2), 0) + stored(batch_of("b", 2), 2) +
                      stored(batch_of("c", 2), 4) + stored(batch_of("d", 2), 6));
    EXPECT_EQ(read.next_offset, Offset(8));
    EXPECT_EQ(read.slices.size(), 3U);
}

TEST(LogRead, KeepsWithinTheBytesAskedForAcrossFilesAndTail) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a"));
    harness.only_files();
    harness.append(batch_of("b"));
    harness.append(batch_of("c"));
    const auto size = static_cast<std::uint32_t>(batch_of("a").size());
    EXPECT_EQ(harness.read(0, size).next_offset, Offset(1));
    EXPECT_EQ(harness.read(0, 2 * size).next_offset, Offset(2));
    EXPECT_EQ(harness.read(0, 2 * size, 1).next_offset, Offset(1));
}

TEST(LogRead, KeepsTheMemoryOfASliceAfterTheTailLetsItGo) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a"));
    const auto read = harness.read(0);
    harness.only_files();
    EXPECT_EQ(read.bytes_read(), stored(batch_of("a"), 0));
}

TEST(LogRead, GoesOnWhereTheLastColdReadEndedWithoutTheIndex) {
    LogHarness harness;
    harness.open({.segment_bytes = 4096});
    const std::string value(900, 'x');
    for (int i = 0; i < 40; ++i)
        harness.append(batch_of(value, 1));
    harness.only_files();
    std::vector<std::byte> all;
    std::vector<std::byte> expected;
    for (std::int64_t next = 0; next < 40;) {
        const auto read = harness.read(next, 2000);
        ASSERT_TRUE(read.outcome.has_value());
        ASSERT_GT(read.next_offset.value, next);
        all = all + read.bytes_read();
        for (; next < read.next_offset.value; ++next) {
            expected = expected + stored(batch_of(value), next);
        }
    }
    EXPECT_EQ(all, expected);
}

TEST(LogRead, ReadsBatchesLargerThanAWindow) {
    LogHarness harness;
    harness.open({.message_bytes_max = 4U << 20U});
    const auto large = batch_of(std::string(3U << 20U, 'L'));
    harness.append(batch_of("a"));
    harness.append(large);
    harness.append(batch_of("z"));
    harness.only_files();
    EXPECT_EQ(harness.read(1, 1).bytes_read(), stored(large, 1));
    EXPECT_EQ(harness.read(2).bytes_read(), stored(batch_of("z"), 2));
}

TEST(LogRead, EndsWithTheFailureOfTheLogs) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a"));
    harness.only_files();
    FinishedRead op;
    op.limit = Offset(1);
    op.bytes_max = 100;
    ASSERT_EQ(harness.log->read(op), ReadStatus::pending);
    harness.logs->fail({Errc::io_failed, 5});
    EXPECT_TRUE(op.finished);
    EXPECT_EQ(op.outcome.error().code, Errc::io_failed);
    EXPECT_EQ(harness.read(0).outcome.error().code, Errc::io_failed);
}

}  // namespace
}  // namespace millrace::engine
