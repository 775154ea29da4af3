// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/loop_timer.h"

#include "broker/base/system_clock.h"

#include <gtest/gtest.h>

namespace millrace::broker {
namespace {

using std::chrono::milliseconds;

// libuv's timers know no other clock than the kernel's; the deadlines are as short as they can be.
class LoopTimerTest : public ::testing::Test {
protected:
    struct Count : Timer {
        int times = 0;
        engine::MonotonicTime at{};
        engine::Clock* clock = nullptr;

        Count() {
            fired = [](Timer& timer) noexcept {
                auto& count = static_cast<Count&>(timer);
                ++count.times;
                count.at = count.clock->monotonic_now();
            };
        }
    };

    LoopTimerTest() {
        uv_loop_init(&loop_);
        timers_ = std::make_unique<LoopTimer>(loop_, clock_);
    }

    ~LoopTimerTest() override {
        timers_->close();
        uv_run(&loop_, UV_RUN_DEFAULT);
        EXPECT_EQ(uv_loop_close(&loop_), 0);
    }

    uv_loop_t loop_{};
    SystemClock clock_;
    std::unique_ptr<LoopTimer> timers_;
};

TEST_F(LoopTimerTest, FiresInOrderAndNeverEarly) {
    const auto now = clock_.monotonic_now();
    Count late;
    Count early;
    late.clock = early.clock = &clock_;
    timers_->arm(late, now + milliseconds(20));
    timers_->arm(early, now + milliseconds(3));
    while (late.times == 0)
        uv_run(&loop_, UV_RUN_ONCE);
    EXPECT_EQ(early.times, 1);
    EXPECT_GE(early.at, now + milliseconds(3));
    EXPECT_GE(late.at, now + milliseconds(20));
    EXPECT_LT(early.at, late.at);
}

TEST_F(LoopTimerTest, SleepsForGoodWhenNothingIsArmed) {
    const auto now = clock_.monotonic_now();
    Count count;
    count.clock = &clock_;
    timers_->arm(count, now + milliseconds(2));
    timers_->disarm(count);
    uv_run(&loop_, UV_RUN_DEFAULT);  // Returns when no handle is active.
    EXPECT_EQ(count.times, 0);
}

}  // namespace
}  // namespace millrace::broker
