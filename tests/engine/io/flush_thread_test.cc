// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/io/flush_thread.h"

#include "engine/io/completion_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <poll.h>
#include <vector>

namespace millrace::engine {
namespace {

using ::testing::ElementsAre;

constexpr std::uint64_t kBadPosition = 666;

// Stands for the device: each sync waits until the test lets it end. Writes do not.
class Gate {
public:
    std::int64_t sync(int descriptor) {
        std::unique_lock lock(mutex_);
        begun_.push_back(descriptor);
        changed_.notify_all();
        changed_.wait(lock, [this] { return allowed_ > 0; });
        --allowed_;
        return result_;
    }

    std::int64_t write(std::uint64_t position) {
        const std::lock_guard lock(mutex_);
        written_.push_back(position);
        return position == kBadPosition ? -ENOSPC : 4096;
    }

    std::vector<std::uint64_t> written() {
        const std::lock_guard lock(mutex_);
        return written_;
    }

    void let_end(std::size_t count, std::int64_t result = 0) {
        const std::lock_guard lock(mutex_);
        allowed_ += count;
        result_ = result;
        changed_.notify_all();
    }

    std::vector<int> wait_for_begun(std::size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return begun_.size() >= count; });
        return begun_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<int> begun_;
    std::vector<std::uint64_t> written_;
    std::size_t allowed_ = 0;
    std::int64_t result_ = 0;
};

class FlushThreadTest : public ::testing::Test {
protected:
    void SetUp() override {
        completions_ = *CompletionQueue::make();
        flush_ = *FlushThread::start([](FileOp& op, int descriptor, const DataDirectory&) noexcept {
            auto& gate = *static_cast<Gate*>(op.owner);
            const bool writes = op.kind == FileOpKind::write;
            return BlockingOutcome{.result = writes ? gate.write(op.position)
                                                    : gate.sync(descriptor)};
        });
    }

    void push_write(std::size_t index, int descriptor) {
        ops_[index].sync = WriteSync::file;
        push(index, descriptor, FileOpKind::write);
    }

    void push(std::size_t index, int descriptor, FileOpKind kind = FileOpKind::sync_data) {
        ops_[index].kind = kind;
        ops_[index].owner = &gate_;
        jobs_[index].op = &ops_[index];
        jobs_[index].descriptor = descriptor;
        jobs_[index].directory = &directory_;
        jobs_[index].home = completions_.get();
        flush_->push(jobs_[index]);
    }

    // Results of the jobs that come home, by index, until `count` of them are there.
    void wait_for(std::size_t count) {
        while (home_.size() < count) {
            pollfd entry{.fd = completions_->descriptor(), .events = POLLIN, .revents = 0};
            ASSERT_EQ(::poll(&entry, 1, 20'000), 1);
            completions_->clear_wake();
            auto jobs = completions_->take_all();
            while (auto* const job = jobs.pop_front())
                home_.push_back(job - jobs_.data());
        }
    }

    Gate gate_;
    DataDirectory directory_;
    std::array<FileOp, 8> ops_;
    std::array<FileJob, 8> jobs_;
    std::vector<std::ptrdiff_t> home_;
    std::unique_ptr<CompletionQueue> completions_;
    std::unique_ptr<FlushThread> flush_;  // Ends before what it uses.
};

TEST_F(FlushThreadTest, OneSyncCoversAllThatWereQueuedForTheFileBeforeItBegan) {
    push(0, 10);
    EXPECT_THAT(gate_.wait_for_begun(1), ElementsAre(10));
    push(1, 10);
    push(2, 20);
    push(3, 10);
    gate_.let_end(2);
    wait_for(3);
    // The first sync had begun before the others were queued: it covers only its own.
    EXPECT_THAT(home_, ElementsAre(0, 1, 3));
    EXPECT_THAT(gate_.wait_for_begun(3), ElementsAre(10, 10, 20));
    gate_.let_end(1);
    wait_for(4);
    EXPECT_THAT(home_, ElementsAre(0, 1, 3, 2));
}

TEST_F(FlushThreadTest, AFailedSyncFailsAllItCoversAndIsNotRepeated) {
    push(0, 10);
    EXPECT_THAT(gate_.wait_for_begun(1), ElementsAre(10));
    push(1, 10);
    push(2, 10);
    gate_.let_end(2, -EIO);
    wait_for(3);
    for (const auto index : {0U, 1U, 2U})
        EXPECT_EQ(jobs_[index].outcome.result, -EIO);
    EXPECT_THAT(gate_.wait_for_begun(2), ElementsAre(10, 10));
}

TEST_F(FlushThreadTest, WritesAllThatAreQueuedForTheFileAndThenSyncsOnce) {
    ops_[1].position = 4096;
    ops_[2].position = 8192;
    push(0, 10);
    EXPECT_THAT(gate_.wait_for_begun(1), ElementsAre(10));
    push_write(1, 10);
    push_write(2, 10);
    push(3, 10);
    EXPECT_THAT(gate_.written(), ElementsAre());
    gate_.let_end(2);
    wait_for(4);
    EXPECT_THAT(gate_.written(), ElementsAre(4096, 8192));
    EXPECT_THAT(gate_.wait_for_begun(2), ElementsAre(10, 10));
    for (const auto index : {1U, 2U})
        EXPECT_EQ(jobs_[index].outcome.result, 4096);
    EXPECT_EQ(jobs_[3].outcome.result, 0);
}

TEST_F(FlushThreadTest, AFailedSyncFailsTheWritesItCoversAndAFailedWriteOnlyItself) {
    ops_[2].position = kBadPosition;
    push(0, 10);
    EXPECT_THAT(gate_.wait_for_begun(1), ElementsAre(10));
    push_write(1, 10);
    push_write(2, 10);
    gate_.let_end(2);
    wait_for(3);
    EXPECT_EQ(jobs_[1].outcome.result, 4096);
    EXPECT_EQ(jobs_[2].outcome.result, -ENOSPC);
    push_write(1, 10);
    push_write(2, 10);
    gate_.let_end(2, -EIO);
    wait_for(5);
    EXPECT_EQ(jobs_[1].outcome.result, -EIO);
    EXPECT_EQ(jobs_[2].outcome.result, -ENOSPC);
}

TEST_F(FlushThreadTest, EndsOnlyAfterWhatWasQueued) {
    gate_.let_end(3);
    push(0, 10);
    push(1, 20);
    push(2, 30);
    flush_.reset();
    EXPECT_THAT(gate_.wait_for_begun(3), ElementsAre(10, 20, 30));
    wait_for(3);
}

}  // namespace
}  // namespace millrace::engine
