// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/mailbox.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace millrace::broker {
namespace {

struct Numbered : engine::PostedTask {
    int poster = 0;
    int number = 0;
    std::vector<Numbered*>* ran = nullptr;
};

class MailboxTest : public ::testing::Test {
protected:
    MailboxTest() {
        uv_loop_init(&loop_);
        mailbox_.open(loop_);
    }

    ~MailboxTest() override {
        mailbox_.close();
        uv_run(&loop_, UV_RUN_DEFAULT);
        EXPECT_EQ(uv_loop_close(&loop_), 0);
    }

    std::vector<Numbered> tasks(int poster, int count) {
        std::vector<Numbered> made(static_cast<std::size_t>(count));
        for (int number = 0; number < count; ++number) {
            auto& task = made[static_cast<std::size_t>(number)];
            task.poster = poster;
            task.number = number;
            task.ran = &ran_;
            task.run = [](engine::PostedTask& posted) noexcept {
                auto& numbered = static_cast<Numbered&>(posted);
                numbered.ran->push_back(&numbered);
            };
        }
        return made;
    }

    uv_loop_t loop_{};
    Mailbox mailbox_;
    std::vector<Numbered*> ran_;
};

TEST_F(MailboxTest, RunsTasksInTheOrderPosted) {
    auto posted = tasks(0, 100);
    for (auto& task : posted)
        mailbox_.post(task);
    EXPECT_TRUE(ran_.empty());
    while (ran_.size() < 100)
        uv_run(&loop_, UV_RUN_ONCE);
    for (int number = 0; number < 100; ++number)
        EXPECT_EQ(ran_[static_cast<std::size_t>(number)]->number, number);
}

TEST_F(MailboxTest, LosesAndRepeatsNothingOfManyThreads) {
    constexpr int kPosters = 4;
    constexpr int kTasks = 20'000;
    std::vector<std::vector<Numbered>> posted;
    for (int poster = 0; poster < kPosters; ++poster)
        posted.push_back(tasks(poster, kTasks));
    std::vector<std::thread> threads;
    for (auto& list : posted) {
        threads.emplace_back([&] {
            for (auto& task : list)
                mailbox_.post(task);
        });
    }
    // Sleeps whenever there is nothing: a lost wake-up would hang here.
    while (ran_.size() < kPosters * kTasks)
        uv_run(&loop_, UV_RUN_ONCE);
    for (auto& thread : threads)
        thread.join();
    std::vector<int> next(kPosters);
    for (const auto* task : ran_)
        EXPECT_EQ(task->number, next[static_cast<std::size_t>(task->poster)]++);
}

TEST_F(MailboxTest, TakesTasksThatAreMadeWhileItRuns) {
    struct Chain : engine::PostedTask {
        Mailbox* mailbox = nullptr;
        int left = 10;
    };

    Chain chain;
    chain.mailbox = &mailbox_;
    chain.run = [](engine::PostedTask& task) noexcept {
        auto& self = static_cast<Chain&>(task);
        if (--self.left > 0) self.mailbox->post(self);
    };
    mailbox_.post(chain);
    while (chain.left > 0)
        uv_run(&loop_, UV_RUN_ONCE);
}

}  // namespace
}  // namespace millrace::broker
