// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::LogHarness;
using namespace std::chrono_literals;

class IdleFlush : public ::testing::Test {
protected:
    IdleFlush() {
        harness_.open();
        for (int i = 0; i < 10; ++i)
            harness_.append(batch_of(std::string(50'000, 'x')));
    }

    // Little of the WAL is live: nothing else would store anything.
    void pass(MonotonicTime time) {
        harness_.clock.advance(time);
        for (int i = 0; i < 20; ++i)
            harness_.settle();
    }

    [[nodiscard]] std::uint64_t cold_reads() const { return harness_.counters.cold_reads; }

    LogHarness harness_;
};

TEST_F(IdleFlush, StoresEverythingOnceNothingHasComeInForTenSeconds) {
    pass(9s);
    EXPECT_EQ(harness_.counters.runs, 0U);
    EXPECT_EQ(harness_.logs->next_deadline(), harness_.clock.monotonic_now() + 1s);
    EXPECT_FALSE(harness_.logs->wants_round());
    pass(1s);
    EXPECT_EQ(harness_.counters.run_bytes, harness_.log->size_bytes());
    EXPECT_TRUE(harness_.logs->wants_round());
}

TEST_F(IdleFlush, LetsGoOfTheTailsOnlyWhenACheckpointHasReleasedThem) {
    pass(10s);
    EXPECT_FALSE(harness_.read(0).bytes_read().empty());
    EXPECT_EQ(cold_reads(), 0U);
    harness_.checkpoint();
    EXPECT_EQ(harness_.wal.unflushed(), 0U);
    harness_.settle();
    EXPECT_FALSE(harness_.logs->wants_round());
    EXPECT_FALSE(harness_.read(0).bytes_read().empty());
    EXPECT_GT(cold_reads(), 0U);
}

TEST_F(IdleFlush, BeginsAnewWithWhatComesIn) {
    pass(10s);
    harness_.checkpoint();
    harness_.settle();
    const auto runs = harness_.counters.runs;
    harness_.append(batch_of("late"));
    pass(9s);
    EXPECT_EQ(harness_.counters.runs, runs);
    pass(1s);
    EXPECT_EQ(harness_.counters.runs, runs + 1);
    EXPECT_TRUE(harness_.logs->wants_round());
}

TEST_F(IdleFlush, DoesNothingMoreWhileSomethingComesIn) {
    for (int i = 0; i < 10; ++i) {
        pass(5s);
        harness_.append(batch_of("steady"));
    }
    EXPECT_EQ(harness_.counters.runs, 0U);
}

}  // namespace
}  // namespace millrace::engine
