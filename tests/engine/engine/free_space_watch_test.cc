// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/free_space_watch.h"

#include "engine/base/guarded_clock.h"
#include "engine/units.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sim_storage.h"

#include <gtest/gtest.h>

#include <utility>

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;
using engine::kMiB;

class FreeSpaceWatch : public ::testing::Test, engine::FreeSpaceListener {
protected:
    void free_space_seen() noexcept override {
        ++looks_;
        if (std::exchange(full_, watch_.full()) != watch_.full()) ++changes_;
    }

    // A turn that has appended, or one that has not, a second later.
    void turn(bool appends, std::uint64_t live_bytes = 0) {
        clock_.advance(1s);
        if (appends) appended_ += 100;
        watch_.end_turn(clock_.monotonic_now(), appended_, live_bytes);
        storage_.flush_submissions();
        storage_.run_completions();
    }

    SimDisk disk_;
    SimStorage storage_{disk_};
    FakeClock clock_;
    engine::EngineOptions options_;
    engine::FreeSpaceWatch watch_{options_, storage_, *this};
    std::uint64_t appended_ = 0;
    int looks_ = 0;
    bool full_ = false;
    int changes_ = 0;
};

TEST_F(FreeSpaceWatch, LooksOnlyWhileSomebodyAppends) {
    turn(true);
    EXPECT_EQ(looks_, 1);
    turn(false);
    EXPECT_EQ(looks_, 1);
    EXPECT_EQ(watch_.next_deadline(), engine::MonotonicTime::max());
    turn(true);
    EXPECT_EQ(looks_, 2);
}

TEST_F(FreeSpaceWatch, LooksOnceASecond) {
    turn(true);
    clock_.advance(-1s + 1ms);
    turn(true);
    EXPECT_EQ(looks_, 1);
    // What was appended in between counts when the second is over.
    turn(false);
    EXPECT_EQ(looks_, 2);
}

TEST_F(FreeSpaceWatch, IsFullBelowLiveWalAndMargin) {
    disk_.set_free_space(100 * kMiB);
    turn(true, 36 * kMiB);
    EXPECT_FALSE(watch_.full());
    turn(true, 36 * kMiB + 1);
    EXPECT_TRUE(watch_.full());
    EXPECT_EQ(changes_, 1);
}

TEST_F(FreeSpaceWatch, ResumesByItselfAboveTheMargin) {
    options_.free_space_min = 10 * kMiB;
    disk_.set_free_space(10 * kMiB - 1);
    turn(true);
    EXPECT_TRUE(watch_.full());
    EXPECT_LE(watch_.next_deadline(), clock_.monotonic_now() + 1s);
    disk_.set_free_space(26 * kMiB - 1);
    turn(false);
    EXPECT_TRUE(watch_.full());
    disk_.set_free_space(26 * kMiB);
    turn(false);
    EXPECT_FALSE(watch_.full());
    EXPECT_EQ(changes_, 2);
}

TEST_F(FreeSpaceWatch, AsksLessOfASmallFilesystem) {
    options_.filesystem_bytes = 512 * kMiB;
    disk_.set_free_space(5 * kMiB);
    turn(true, kMiB);
    EXPECT_FALSE(watch_.full());
    turn(true, kMiB + 1);
    EXPECT_TRUE(watch_.full());
}

TEST_F(FreeSpaceWatch, KeepsItsAnswerWhenItCannotAsk) {
    disk_.set_free_space(0);
    turn(true);
    SimFault fault;
    fault.error = 5;
    fault.and_all_after = true;
    disk_.set_fault(fault);
    disk_.set_free_space(1000 * kMiB);
    turn(true);
    EXPECT_TRUE(watch_.full());
    disk_.clear_fault();
    turn(true);
    EXPECT_FALSE(watch_.full());
}

TEST(GuardedClock, IsDrawnTowardsWallTimeSlowly) {
    FakeClock wall;
    wall.set_wall(1'000'000'000);
    engine::GuardedClock guarded(wall, 0);
    EXPECT_EQ(guarded.now(), 1'000'000'000);
    wall.set_wall(5'000'000'000);  // The system's clock jumps.
    wall.advance(1h);
    EXPECT_EQ(guarded.now(), 1'000'000'000 + 3'600'000 + 600'000);
    wall.set_wall(1'000'000);  // And back.
    wall.advance(1h);
    EXPECT_EQ(guarded.now(), 1'000'000'000 + 2 * 3'600'000);
}

TEST(GuardedClock, StandsForAnHourAfterAStartMoreThanADayAheadHoweverOftenThatHappens) {
    constexpr engine::TimestampMs kDay = 24LL * 3600 * 1000;
    FakeClock wall;
    const auto last = wall.wall_now() - kDay - 1;
    engine::GuardedClock first(wall, last);
    EXPECT_TRUE(first.began_far_ahead());
    wall.advance(59min);
    EXPECT_EQ(first.now(), last + 59 * 60'000);
    engine::GuardedClock second(wall, first.now());
    EXPECT_TRUE(second.began_far_ahead());
    wall.advance(59min);
    EXPECT_EQ(second.now(), last + 2 * 59 * 60'000);
    wall.advance(1min);
    EXPECT_EQ(second.now(), wall.wall_now());
    EXPECT_FALSE(engine::GuardedClock(wall, wall.wall_now() - kDay).began_far_ahead());
    EXPECT_FALSE(engine::GuardedClock(wall, 0).began_far_ahead());
}

TEST(GuardedClock, NeverGoesBackOverAStart) {
    FakeClock wall;
    wall.set_wall(1'000);
    engine::GuardedClock guarded(wall, 50'000);
    EXPECT_EQ(guarded.now(), 50'000);
}

}  // namespace
}  // namespace millrace::testing
