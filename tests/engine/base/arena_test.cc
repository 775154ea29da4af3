// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/arena.h"

#include "engine/units.h"
#include "tests/support/fake_clock.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <map>
#include <random>
#include <thread>
#include <vector>

namespace millrace::engine {
namespace {

using std::chrono::seconds;

std::uintptr_t address(const BufferRef& buffer) {
    return reinterpret_cast<std::uintptr_t>(buffer->data);
}

TEST(Arena, RoundsToPowersOfTwoAndThenToWholeMebibytes) {
    Arena arena(64 * kMiB);
    EXPECT_EQ(arena.allocate(0)->capacity, 4 * kKiB);
    EXPECT_EQ(arena.allocate(1)->capacity, 4 * kKiB);
    EXPECT_EQ(arena.allocate(4 * kKiB)->capacity, 4 * kKiB);
    EXPECT_EQ(arena.allocate(4 * kKiB + 1)->capacity, 8 * kKiB);
    EXPECT_EQ(arena.allocate(kMiB)->capacity, kMiB);
    EXPECT_EQ(arena.allocate(kMiB + 1)->capacity, 2 * kMiB);
    EXPECT_EQ(arena.allocate(2 * kMiB + 1)->capacity, 3 * kMiB);
    EXPECT_EQ(arena.allocate(5 * kMiB)->capacity, 5 * kMiB);
}

TEST(Arena, MapsHugePageAlignedPiecesAndCutsThemInHalves) {
    Arena arena(64 * kMiB);
    const auto first = arena.allocate(kMiB);
    const auto second = arena.allocate(kMiB);
    EXPECT_EQ(arena.bytes_mapped(), 2 * kMiB);
    EXPECT_EQ(std::min(address(first), address(second)) % (2 * kMiB), 0U);
    const auto large = arena.allocate(3 * kMiB);
    EXPECT_EQ(address(large) % (2 * kMiB), 0U);
    EXPECT_EQ(arena.bytes_mapped(), 6 * kMiB);
    EXPECT_EQ(arena.bytes_in_use(), 5 * kMiB);
}

TEST(Arena, RefusesWhatWouldPassItsLimitAndServesAgainAfterAReturn) {
    Arena arena(2 * kMiB);
    auto first = arena.allocate(kMiB);
    const auto second = arena.allocate(kMiB);
    ASSERT_TRUE(first);
    ASSERT_TRUE(second);
    EXPECT_FALSE(arena.allocate(4 * kKiB));
    first = {};
    EXPECT_TRUE(arena.allocate(kMiB));
    EXPECT_FALSE(arena.allocate(kMiB + 1));
    EXPECT_FALSE(arena.allocate(~std::uint64_t{0}));
}

TEST(Arena, GivesUnusedPiecesBackRatherThanRefuseAnotherShape) {
    Arena arena(4 * kMiB);
    {
        const auto first = arena.allocate(2 * kMiB);
        const auto second = arena.allocate(2 * kMiB);
    }
    EXPECT_EQ(arena.bytes_mapped(), 4 * kMiB);
    EXPECT_TRUE(arena.allocate(4 * kMiB));
    EXPECT_EQ(arena.bytes_mapped(), 4 * kMiB);
}

TEST(Arena, GivesBackAfterThirtySecondsWithoutUse) {
    testing::FakeClock clock;
    Arena arena(64 * kMiB);
    auto kept = arena.allocate(kMiB);
    { const auto large = arena.allocate(8 * kMiB); }
    arena.release_unused(clock.monotonic_now());
    clock.advance(seconds(29));
    arena.release_unused(clock.monotonic_now());
    EXPECT_EQ(arena.bytes_mapped(), 10 * kMiB);
    clock.advance(seconds(1));
    arena.release_unused(clock.monotonic_now());
    EXPECT_EQ(arena.bytes_mapped(), 2 * kMiB);
    std::memset(kept->data, 7, kMiB);
}

TEST(Arena, CountsUseInBetweenAsUse) {
    testing::FakeClock clock;
    Arena arena(64 * kMiB);
    { const auto buffer = arena.allocate(kMiB); }
    arena.release_unused(clock.monotonic_now());
    clock.advance(seconds(20));
    { const auto buffer = arena.allocate(kMiB); }
    arena.release_unused(clock.monotonic_now());
    clock.advance(seconds(20));
    arena.release_unused(clock.monotonic_now());
    EXPECT_EQ(arena.bytes_mapped(), 2 * kMiB);
    clock.advance(seconds(10));
    arena.release_unused(clock.monotonic_now());
    EXPECT_EQ(arena.bytes_mapped(), 0U);
}

TEST(Arena, ReturnsMemoryWithTheLastReferenceOnly) {
    Arena arena(64 * kMiB);
    auto first = arena.allocate(kMiB);
    auto second = first;
    EXPECT_FALSE(first.unique());
    first = {};
    EXPECT_TRUE(second.unique());
    EXPECT_EQ(arena.bytes_in_use(), kMiB);
    second = {};
    EXPECT_EQ(arena.bytes_in_use(), 0U);
}

// Every pair of buffers is apart, and all of it joins again to whole pieces.
TEST(Arena, HandsOutNoByteTwice) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Arena arena(64 * kMiB);
    std::map<std::uintptr_t, BufferRef> held;
    for (int step = 0; step < 20'000; ++step) {
        if (random() % 2 == 0 || held.empty()) {
            auto buffer = arena.allocate(std::uint64_t{1} << (12 + random() % 12));
            if (!buffer) continue;
            const auto start = address(buffer);
            const auto after = held.lower_bound(start);
            if (after != held.end()) {
                ASSERT_LE(start + buffer->capacity, after->first);
            }
            if (after != held.begin()) {
                const auto& before = *std::prev(after);
                ASSERT_LE(before.first + before.second->capacity, start);
            }
            ASSERT_EQ(start % kBlockBytes, 0U);
            buffer->data[0] = buffer->data[buffer->capacity - 1] = std::byte{1};
            held.emplace(start, std::move(buffer));
        } else {
            held.erase(std::next(held.begin(), static_cast<long>(random() % held.size())));
        }
        std::uint64_t in_use = 0;
        if (step % 1000 == 0) {
            for (const auto& [start, buffer] : held)
                in_use += buffer->capacity;
            ASSERT_EQ(arena.bytes_in_use(), in_use);
        }
    }
    held.clear();
    const auto whole = arena.bytes_mapped() / (2 * kMiB);
    ASSERT_GT(whole, 0U);
    std::vector<BufferRef> again;
    for (auto left = arena.bytes_max(); left > 0; left -= 2 * kMiB) {
        again.push_back(arena.allocate(2 * kMiB));
        ASSERT_TRUE(again.back());
    }
    EXPECT_EQ(arena.bytes_mapped(), arena.bytes_max());
}

TEST(Arena, ServesManyThreads) {
    Arena arena(256 * kMiB);
    std::vector<std::thread> threads;
    for (unsigned thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&arena, thread] {
            for (unsigned step = 0; step < 2'000; ++step) {
                const auto buffer = arena.allocate((1 + (thread + step) % 64) * 4 * kKiB);
                ASSERT_TRUE(buffer);
                std::memset(buffer->data, static_cast<int>(thread), 64);
                const auto copy = buffer;
                ASSERT_EQ(buffer->data[63], static_cast<std::byte>(thread));
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(arena.bytes_in_use(), 0U);
}

}  // namespace
}  // namespace millrace::engine
