// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/room_waiters.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace millrace::testing {
namespace {

struct Waiter : engine::RoomWaiter {
    char name = '?';
    std::string* woken = nullptr;
    engine::RoomWaiters* again = nullptr;  // Waits again when woken.
};

class RoomWaiters : public ::testing::Test {
protected:
    RoomWaiters() {
        for (std::size_t index = 0; index < waiters_.size(); ++index) {
            auto& waiter = waiters_[index];
            waiter.name = static_cast<char>('a' + index);
            waiter.woken = &woken_;
            waiter.bytes = 10;
            waiter.ready = [](engine::RoomWaiter& ready) noexcept {
                auto& self = static_cast<Waiter&>(ready);
                *self.woken += self.name;
                if (self.again != nullptr) self.again->add(self);
            };
        }
    }

    void add_all() {
        for (auto& waiter : waiters_)
            queue_.add(waiter);
    }

    std::string woken_;
    std::array<Waiter, 4> waiters_;
    engine::RoomWaiters queue_;
};

TEST_F(RoomWaiters, WakeInOrderAsFarAsTheRoomGoes) {
    add_all();
    queue_.wake(25, 1000);
    EXPECT_EQ(woken_, "ab");
    queue_.wake(9, 1000);
    EXPECT_EQ(woken_, "ab");
    queue_.wake(20, 1000);
    EXPECT_EQ(woken_, "abcd");
    EXPECT_TRUE(queue_.empty());
}

TEST_F(RoomWaiters, DoNotOvertakeALargeOne) {
    waiters_[0].bytes = 100;
    add_all();
    queue_.wake(99, 1000);
    EXPECT_EQ(woken_, "");
    queue_.wake(110, 1000);
    EXPECT_EQ(woken_, "ab");
}

TEST_F(RoomWaiters, WakeOneThatWantsMoreThanThereCanBe) {
    waiters_[0].bytes = 5000;
    add_all();
    queue_.wake(999, 1000);
    EXPECT_EQ(woken_, "");
    queue_.wake(1000, 1000);
    EXPECT_EQ(woken_, "a");
}

TEST_F(RoomWaiters, ForgetWhoCancels) {
    add_all();
    queue_.cancel(waiters_[0]);
    queue_.cancel(waiters_[2]);
    queue_.cancel(waiters_[2]);
    queue_.cancel(waiters_[3]);
    queue_.wake_all();
    EXPECT_EQ(woken_, "b");
    queue_.add(waiters_[2]);
    queue_.wake_all();
    EXPECT_EQ(woken_, "bc");
}

TEST_F(RoomWaiters, AskOnceWhoWaitsAgain) {
    waiters_[1].again = &queue_;
    add_all();
    queue_.wake_all();
    EXPECT_EQ(woken_, "abcd");
    EXPECT_FALSE(queue_.empty());
    waiters_[1].again = nullptr;
    queue_.wake_all();
    EXPECT_EQ(woken_, "abcdb");
}

}  // namespace
}  // namespace millrace::testing
