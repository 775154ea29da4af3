// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/net/receive_pool.h"

#include "tests/broker/net/loop_fixture.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>
#include <unistd.h>
#include <vector>

namespace millrace::broker {
namespace {

using std::chrono::seconds;

struct Waiter : MemoryWaiter {
    int times = 0;

    Waiter() {
        memory_back = [](MemoryWaiter& waiter) noexcept { ++static_cast<Waiter&>(waiter).times; };
    }
};

std::size_t resident_pages() {
    std::ifstream statm("/proc/self/statm");
    std::size_t total = 0;
    std::size_t resident = 0;
    statm >> total >> resident;
    return resident;
}

class ReceivePoolTest : public ::testing::Test {
protected:
    DirectPost post_;
    ReceiveBudget budget_{1 << 20, post_};
    ReceiveBudget handshake_{24 << 10, post_};
    ReceivePool pool_{0, budget_, handshake_};
};

TEST_F(ReceivePoolTest, UsesABufferAgainWhenItsLastReferenceIsGone) {
    auto* first = pool_.take_chunk();
    ReceiveRef one(first);
    ReceiveRef other(one);
    one = ReceiveRef();
    EXPECT_NE(pool_.take_chunk(), first);
    other = ReceiveRef();
    EXPECT_EQ(pool_.take_chunk(), first);
}

TEST_F(ReceivePoolTest, TakesBuffersBackFromOtherThreads) {
    std::vector<ReceiveRef> references;
    for (int count = 0; count < 8; ++count)
        references.emplace_back(pool_.take_chunk());
    std::vector<std::thread> threads;
    for (auto& reference : references) {
        threads.emplace_back([&reference] { reference = ReceiveRef(); });
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_TRUE(pool_.trim(seconds(1)));
    EXPECT_FALSE(pool_.trim(seconds(40)));
    EXPECT_EQ(budget_.used(), 0U);
}

TEST_F(ReceivePoolTest, RefusesWhatTheBudgetDoesNotHold) {
    std::vector<ReceiveRef> references;
    while (auto* buffer = pool_.take_chunk())
        references.emplace_back(buffer);
    EXPECT_EQ(references.size(), 16U);
    EXPECT_EQ(pool_.take_large(1 << 20), nullptr);
    EXPECT_NE(pool_.take_handshake(), nullptr);
    references.pop_back();
    references.emplace_back(pool_.take_chunk());
    EXPECT_EQ(budget_.used(), 1U << 20);
}

TEST_F(ReceivePoolTest, CostsWhatHasArrivedAndNotWhatWasAnnounced) {
    const auto before = resident_pages();
    std::vector<ReceiveRef> references;
    for (int count = 0; count < 8; ++count) {
        auto* buffer = pool_.take_large(64 << 20);
        ASSERT_NE(buffer, nullptr);
        ASSERT_GE(buffer->capacity, 64U << 20);
        buffer->data[0] = std::byte{1};
        references.emplace_back(buffer);
    }
    EXPECT_LT(resident_pages() - before, 100U);
    auto* last = pool_.take_large(64 << 20);
    EXPECT_FALSE(pool_.grow(*last, 1 << 20, false));
    EXPECT_TRUE(pool_.grow(*last, 128 << 10, false));
    EXPECT_TRUE(pool_.grow(*last, 1 << 20, true));
    EXPECT_GT(budget_.used(), 1U << 20);
    references.emplace_back(last);
}

TEST_F(ReceivePoolTest, WakesWhoeverWaitsWhenMemoryIsBack) {
    std::vector<ReceiveRef> references;
    while (auto* buffer = pool_.take_chunk())
        references.emplace_back(buffer);
    Waiter waiter;
    pool_.wait(waiter, false);
    pool_.wait(waiter, false);
    post_.run();
    EXPECT_EQ(waiter.times, 0);
    std::thread([&] { references.pop_back(); }).join();
    post_.run();
    EXPECT_EQ(waiter.times, 1);
    ReceiveRef taken(pool_.take_chunk());
    EXPECT_TRUE(taken);
}

TEST_F(ReceivePoolTest, WakesAtOnceWhenMemoryCameBackBeforeItWaited) {
    Waiter waiter;
    pool_.wait(waiter, false);
    post_.run();
    EXPECT_EQ(waiter.times, 1);
}

TEST_F(ReceivePoolTest, KeepsHandshakesApartFromEverythingElse) {
    std::vector<ReceiveRef> references;
    while (auto* buffer = pool_.take_handshake())
        references.emplace_back(buffer);
    EXPECT_EQ(references.size(), 2U);
    EXPECT_EQ(budget_.used(), 0U);
    Waiter waiter;
    pool_.wait(waiter, true);
    post_.run();
    EXPECT_EQ(waiter.times, 0);
    references.clear();
    post_.run();
    EXPECT_EQ(waiter.times, 1);
}

TEST_F(ReceivePoolTest, LetsOneAtATimeGoBeyond) {
    Waiter waiter;
    EXPECT_TRUE(pool_.claim_beyond(&waiter));
    EXPECT_TRUE(pool_.claim_beyond(&waiter));
    EXPECT_FALSE(pool_.claim_beyond(this));
    pool_.release_beyond(this);
    EXPECT_FALSE(pool_.claim_beyond(this));
    pool_.release_beyond(&waiter);
    EXPECT_TRUE(pool_.claim_beyond(this));
}

TEST_F(ReceivePoolTest, ForgetsAWaiterThatGaveUp) {
    std::vector<ReceiveRef> references;
    while (auto* buffer = pool_.take_chunk())
        references.emplace_back(buffer);
    Waiter first;
    Waiter second;
    Waiter third;
    pool_.wait(first, false);
    pool_.wait(second, false);
    pool_.wait(third, false);
    pool_.cancel(second);
    pool_.cancel(third);
    references.clear();
    post_.run();
    EXPECT_EQ(first.times, 1);
    EXPECT_EQ(second.times + third.times, 0);
}

}  // namespace
}  // namespace millrace::broker
