// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/units.h"
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::FoundTime;
using testing::LogHarness;

// Records at 1000, 2000, ... in batches of one time each, out of order here and there.
class TimeLookupEverywhere : public ::testing::TestWithParam<bool> {
protected:
    void fill() {
        harness_.open({.segment_bytes = 1000, .index_interval_bytes = 100});
        for (const TimestampMs time : {1000, 3000, 2000, 5000, 4000, 9000, 9000, 8000, 12'000}) {
            times_.push_back(time);
            harness_.append(batch_of(std::string(200, 't'), 2, time));
        }
        if (GetParam()) harness_.only_files();
    }

    LogHarness harness_;
    std::vector<TimestampMs> times_;
};

TEST_P(TimeLookupEverywhere, FindsTheFirstRecordAtOrAbove) {
    fill();
    for (TimestampMs time = 0; time <= 13'000; time += 500) {
        std::size_t batch = 0;
        while (batch < times_.size() && times_[batch] < time)
            ++batch;
        const auto found = harness_.look_up(time);
        ASSERT_TRUE(found.outcome.has_value());
        ASSERT_EQ(found.found, batch < times_.size()) << time;
        if (!found.found) continue;
        EXPECT_EQ(found.offset.value, static_cast<std::int64_t>(batch * 2)) << time;
        EXPECT_EQ(found.found_timestamp, times_[batch]);
        EXPECT_EQ(found.epoch, 0);
    }
}

TEST_P(TimeLookupEverywhere, FindsNothingAtOrBeyondTheLimit) {
    fill();
    EXPECT_TRUE(harness_.look_up(5000, 7).found);
    EXPECT_FALSE(harness_.look_up(5000, 6).found);
    EXPECT_FALSE(harness_.look_up(0, 0).found);
}

INSTANTIATE_TEST_SUITE_P(Places,
                         TimeLookupEverywhere,
                         ::testing::Values(false, true),
                         [](const auto& place) { return place.param ? "Files" : "Tail"; });

// Many segments, each with times out of order, some older than what the segment before holds.
TEST(TimeLookup, FindsTheFirstRecordInOffsetOrderAcrossSegments) {
    for (const bool files : {false, true}) {
        LogHarness harness;
        harness.open({.segment_bytes = 1500, .index_interval_bytes = 100});
        std::vector<TimestampMs> times;
        for (TimestampMs step = 0; step < 60; ++step) {
            const auto time = 10'000 + step * 100 - (step * 37 % 11) * 150;
            times.push_back(time);
            harness.append(batch_of(std::string(200, 't'), 1, time));
        }
        ASSERT_GE(harness.log->segment_count(), 8U);
        if (files) harness.only_files();
        for (TimestampMs time = 8000; time < 17'000; time += 50) {
            const auto expected =
                    std::ranges::find_if(times, [time](auto each) { return each >= time; });
            const auto found = harness.look_up(time);
            ASSERT_EQ(found.found, expected != times.end()) << time;
            if (!found.found) continue;
            EXPECT_EQ(found.offset.value, expected - times.begin()) << time;
            EXPECT_EQ(found.found_timestamp, *expected) << time;
        }
    }
}

// Records have the time of their append, whatever their producer said, and it never goes back.
TEST(TimeLookup, GoesByTheTimeOfTheAppendWhereTheBrokerStampsRecords) {
    for (const bool files : {false, true}) {
        LogHarness harness;
        harness.open({.segment_bytes = 1500, .log_append_time = true});
        const auto began = harness.clock.wall_now();
        for (int step = 0; step < 20; ++step) {
            harness.append(batch_of(std::string(200, 't'), 2, 5000 - step));
            harness.clock.advance(std::chrono::milliseconds(100));
            if (step == 9) harness.clock.set_wall(harness.clock.wall_now() - 400);
        }
        ASSERT_GE(harness.log->segment_count(), 3U);
        if (files) harness.only_files();
        const auto expect_at = [&](TimestampMs after, std::int64_t offset) {
            const auto found = harness.look_up(began + after);
            ASSERT_TRUE(found.found) << after;
            EXPECT_EQ(found.offset, Offset(offset)) << after;
        };
        expect_at(-1'000'000, 0);
        expect_at(1, 2);
        expect_at(100, 2);
        expect_at(850, 18);
        expect_at(901, 28);  // The clock stood at 900 until it had caught up.
        expect_at(1500, 38);
        EXPECT_FALSE(harness.look_up(began + 1501).found);
    }
}

TEST(TimeLookup, LooksIntoFilesAndThenIntoTheTail) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a", 1, 1000));
    harness.append(batch_of("b", 1, 2000));
    harness.only_files();
    harness.append(batch_of("c", 1, 1500));
    harness.append(batch_of("d", 1, 3000));
    EXPECT_EQ(harness.look_up(1500).offset, Offset(1));
    EXPECT_EQ(harness.look_up(2500).offset, Offset(3));
    EXPECT_FALSE(harness.look_up(3001).found);
}

TEST(TimeLookup, FindsRecordsInsideCompressedBatches) {
    for (const auto codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
        LogHarness harness;
        harness.open();
        harness.append(batch_of(std::string(500, 'z'), 4, 1000, codec));
        harness.append(batch_of(std::string(500, 'z'), 4, 2000, codec));
        harness.only_files();
        const auto found = harness.look_up(1001);
        EXPECT_EQ(found.offset, Offset(4));
        EXPECT_EQ(found.found_timestamp, 2000);
    }
}

TEST(TimeLookup, IsAnsweredByTheFirstRecordOfABatchThatIsTooLargeToOpen) {
    for (const auto codec : {Codec::gzip, Codec::lz4, Codec::zstd}) {
        LogHarness harness;
        harness.open();
        harness.append(batch_of("a", 1, 1000));
        harness.append(batch_of(std::string(17 * kMiB, 'z'), 2, 2000, codec));
        const auto found = harness.look_up(1500);
        ASSERT_TRUE(found.outcome.has_value());
        EXPECT_EQ(found.offset, Offset(1));
        EXPECT_EQ(found.found_timestamp, 2000);
        EXPECT_FALSE(harness.look_up(1500, 1).found);
    }
}

// In the tail and from files: as many turns as batches, and every answer right.
TEST(TimeLookup, OpensOneCompressedBatchATurnHoweverManyAsk) {
    for (const bool files : {false, true}) {
        LogHarness harness;
        harness.open();
        for (const TimestampMs time : {1000, 2000, 3000})
            harness.append(batch_of(std::string(500, 'z'), 4, time, Codec::zstd));
        if (files) harness.only_files();
        std::vector<FoundTime> asked(20);
        for (std::size_t i = 0; i < asked.size(); ++i) {
            asked[i].timestamp = i % 2 == 0 ? 1500 : 2500;
            asked[i].limit = Offset(100);
            harness.log->look_up_time(asked[i]);
        }
        const auto finished = [&asked] {
            return std::ranges::count_if(asked, [](const auto& op) { return op.finished; });
        };
        for (auto before = finished(); before < 20; before = finished()) {
            ASSERT_NE(harness.logs->next_deadline(), MonotonicTime::max());
            harness.turn();
            ASSERT_LE(finished() - before, 1);
        }
        for (std::size_t i = 0; i < asked.size(); ++i) {
            EXPECT_EQ(asked[i].offset, Offset(i % 2 == 0 ? 4 : 8));
        }
    }
}

TEST(TimeLookup, ThatWaitsEndsWithTheLogOrTheFailure) {
    for (const bool removed : {false, true}) {
        LogHarness harness;
        harness.open();
        harness.append(batch_of(std::string(500, 'z'), 4, 1000, Codec::zstd));
        std::vector<FoundTime> asked(3);
        for (auto& op : asked) {
            op.timestamp = 500;
            op.limit = Offset(100);
            harness.log->look_up_time(op);
        }
        harness.turn();
        EXPECT_EQ(std::ranges::count_if(asked, [](const auto& op) { return op.finished; }), 1);
        EngineOp removal;
        bool gone = false;
        removal.owner = &gone;
        removal.done = [](EngineOp& op) noexcept { *static_cast<bool*>(op.owner) = true; };
        if (removed) {
            harness.logs->remove(testing::kOrders, removal);
            EXPECT_TRUE(harness.run_until([&gone] { return gone; }));
        } else {
            harness.logs->fail({Errc::io_failed, 5});
        }
        for (const auto& op : asked)
            EXPECT_TRUE(op.finished);
    }
}

TEST(TimeLookup, PassesOverABatchThatIsDamaged) {
    LogHarness harness;
    harness.open();
    const auto size = batch_of("a", 1, 1000).size();
    harness.append(batch_of("a", 1, 1000));
    harness.append(batch_of("b", 1, 2000));
    harness.append(batch_of("c", 1, 3000));
    harness.only_files();
    const std::byte wrong{0xff};
    harness.disk.overwrite("topics/orders-3/00000000000000000000.log", size + 65, {&wrong, 1});
    EXPECT_EQ(harness.look_up(1500).offset, Offset(2));
}

TEST(TimeLookup, EndsWithTheFailureOfTheLogs) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a"));
    FoundTime op;
    op.limit = Offset(1);
    harness.log->look_up_time(op);
    harness.logs->fail({Errc::io_failed, 5});
    EXPECT_TRUE(op.finished);
    EXPECT_EQ(op.outcome.error().code, Errc::io_failed);
}

}  // namespace
}  // namespace millrace::engine
