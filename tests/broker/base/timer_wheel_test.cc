// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/base/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

namespace millrace::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

struct Probe : Timer {
    std::vector<Probe*>* log = nullptr;
    TimerWheel* wheel = nullptr;
    engine::MonotonicTime again{};
    Timer* victim = nullptr;

    explicit Probe(std::vector<Probe*>& fired_log) : log(&fired_log) {
        fired = [](Timer& timer) noexcept {
            auto& probe = static_cast<Probe&>(timer);
            probe.log->push_back(&probe);
            if (probe.victim != nullptr) probe.wheel->disarm(*probe.victim);
            if (probe.again.count() != 0) probe.wheel->arm(probe, std::exchange(probe.again, {}));
        };
    }
};

TEST(TimerWheel, FiresAtItsMillisecondAndNeverBefore) {
    TimerWheel wheel(1000);
    std::vector<Probe*> log;
    Probe probe(log);
    wheel.arm(probe, milliseconds(1005) + nanoseconds(1));
    EXPECT_EQ(wheel.next(), 1006U);
    wheel.advance(1005);
    EXPECT_TRUE(log.empty());
    EXPECT_TRUE(probe.armed);
    wheel.advance(1006);
    EXPECT_EQ(log.size(), 1U);
    EXPECT_FALSE(probe.armed);
    EXPECT_EQ(wheel.next(), TimerWheel::kNever);
}

TEST(TimerWheel, FiresAPassedDeadlineWithTheNextTick) {
    TimerWheel wheel(1000);
    std::vector<Probe*> log;
    Probe probe(log);
    wheel.arm(probe, milliseconds(5));
    EXPECT_TRUE(log.empty());
    wheel.advance(1001);
    EXPECT_EQ(log.size(), 1U);
}

TEST(TimerWheel, ForgetsWhatIsDisarmed) {
    TimerWheel wheel(0);
    std::vector<Probe*> log;
    Probe one(log);
    Probe other(log);
    wheel.arm(one, milliseconds(10));
    wheel.arm(other, milliseconds(10));
    wheel.disarm(one);
    wheel.disarm(one);
    wheel.advance(20);
    ASSERT_EQ(log.size(), 1U);
    EXPECT_EQ(log[0], &other);
}

TEST(TimerWheel, LetsWhatFiresArmAgainAndDisarmItsNeighbours) {
    TimerWheel wheel(0);
    std::vector<Probe*> log;
    Probe one(log);
    Probe victim(log);
    one.wheel = &wheel;
    one.victim = &victim;
    one.again = milliseconds(30);
    wheel.arm(one, milliseconds(10));
    wheel.arm(victim, milliseconds(10));
    wheel.advance(10);
    EXPECT_EQ(log.size(), 1U);
    EXPECT_FALSE(victim.armed);
    wheel.advance(29);
    EXPECT_EQ(log.size(), 1U);
    wheel.advance(30);
    EXPECT_EQ(log.size(), 2U);
}

TEST(TimerWheel, KeepsDeadlinesOfMonths) {
    TimerWheel wheel(123'456);
    std::vector<Probe*> log;
    Probe probe(log);
    const std::uint64_t due = 123'456 + 90ULL * 86'400'000;
    wheel.arm(probe, milliseconds(due));
    for (std::uint64_t now = 123'456; now < due - 1; now += 3'600'000)
        wheel.advance(std::min<std::uint64_t>(now, due - 1));
    wheel.advance(due - 1);
    EXPECT_TRUE(log.empty());
    wheel.advance(due);
    EXPECT_EQ(log.size(), 1U);
}

// Against the plainest model: a list of deadlines.
TEST(TimerWheel, AgreesWithAListOfDeadlines) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        std::uint64_t now = random() % (1ULL << 40);
        TimerWheel wheel(now);
        std::vector<Probe*> log;
        std::vector<std::unique_ptr<Probe>> probes;
        for (int count = 0; count < 300; ++count)
            probes.push_back(std::make_unique<Probe>(log));
        for (int step = 0; step < 2000; ++step) {
            auto& probe = *probes[random() % probes.size()];
            const auto ahead = 1 + random() % (1ULL << (random() % 34));
            if (probe.armed) {
                if (random() % 3 == 0) wheel.disarm(probe);
            } else {
                wheel.arm(probe, milliseconds(now + ahead));
            }
            if (random() % 4 != 0) continue;
            now += random() % (1ULL << (random() % 32));
            std::vector<std::uint64_t> expected;
            for (const auto& each : probes) {
                const auto due = TimerWheel::tick_at_or_before(each->deadline);
                if (each->armed && due <= now) expected.push_back(due);
            }
            std::ranges::sort(expected);
            log.clear();
            wheel.advance(now);
            std::vector<std::uint64_t> fired;
            for (const auto* each : log)
                fired.push_back(TimerWheel::tick_at_or_before(each->deadline));
            ASSERT_EQ(fired, expected);
            for (const auto& each : probes) {
                if (each->armed) {
                    ASSERT_LE(wheel.next(), TimerWheel::tick_at_or_before(each->deadline));
                }
            }
        }
    }
}

}  // namespace
}  // namespace millrace::broker
