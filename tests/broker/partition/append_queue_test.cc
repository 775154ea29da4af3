// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/partition/append_queue.h"

#include "tests/broker/partition/fake_shard.h"

#include <gmock/gmock.h>

namespace millrace::testing {

namespace {

using broker::AppendProblem;
using broker::PendingAppend;
using std::chrono::seconds;
using ::testing::ElementsAre;

struct Append {
    Append(std::uint32_t partition, std::size_t size, seconds deadline = seconds(30))
            : bytes(size) {
        pending.key = {engine::TopicId{{1}}, partition};
        pending.op.batches = bytes;
        pending.deadline = deadline;
        pending.owner = this;
        pending.account = &account;
        pending.released = [](PendingAppend& append) noexcept {
            ++static_cast<Append*>(append.owner)->released;
        };
        pending.done = [](PendingAppend& append) noexcept {
            auto& self = *static_cast<Append*>(append.owner);
            EXPECT_EQ(self.released, 1);
            ++self.done;
        };
    }

    std::vector<std::byte> bytes;
    PendingAppend pending;
    std::atomic<std::uint64_t> account{0};
    int released = 0;
    int done = 0;
};

class AppendQueueTest : public ::testing::Test {
protected:
    [[nodiscard]] FakeLog& log(std::uint32_t partition) {
        return engine_.logs[{engine::TopicId{{1}}, partition}];
    }

    void fill(std::uint32_t partition) { log(partition).refusal = {engine::Errc::no_room}; }

    void acknowledge(Append& append, engine::Result<void> outcome = {}) {
        append.pending.op.outcome = outcome;
        append.pending.op.done(append.pending.op);
    }

    FakeShardEngine engine_;
    ManualTimers timers_;
    FakeSource source_{engine_};
    broker::AppendQueue queue_{source_, engine_, timers_};
};

TEST_F(AppendQueueTest, HandsOverAtOnceAndIsDoneWhenAcknowledged) {
    Append append(0, 100);
    queue_.submit(append.pending);
    EXPECT_THAT(log(0).appended, ElementsAre(&append.pending.op));
    EXPECT_EQ(append.released, 1);
    EXPECT_EQ(append.done, 0);
    acknowledge(append);
    EXPECT_EQ(append.done, 1);
    EXPECT_EQ(append.pending.problem, AppendProblem::none);
}

TEST_F(AppendQueueTest, SaysWhyAnAppendCannotBe) {
    Append unknown(10, 100);
    queue_.submit(unknown.pending);
    EXPECT_EQ(unknown.pending.problem, AppendProblem::unknown_partition);
    Append nowhere(0, 100);
    nowhere.pending.key.topic = {};
    queue_.submit(nowhere.pending);
    EXPECT_EQ(nowhere.pending.problem, AppendProblem::unknown_topic);
    Append full(0, 100);
    log(0).refusal = {engine::Errc::storage_full};
    queue_.submit(full.pending);
    EXPECT_EQ(full.pending.problem, AppendProblem::refused);
    EXPECT_EQ(full.pending.error.code, engine::Errc::storage_full);
    EXPECT_EQ(unknown.done + nowhere.done + full.done, 3);
}

TEST_F(AppendQueueTest, KeepsTheOrderWhileOneWaitsForRoom) {
    Append first(0, 100);
    Append second(0, 10);
    Append other(1, 10);
    fill(0);
    queue_.submit(first.pending);
    log(0).refusal.reset();  // There would be room now, but the first has not entered.
    queue_.submit(second.pending);
    queue_.submit(other.pending);
    EXPECT_TRUE(log(0).appended.empty());
    EXPECT_TRUE(log(1).appended.empty());
    EXPECT_EQ(queue_.parked_bytes(), 120U);
    EXPECT_EQ(first.account, 100U);
    EXPECT_EQ(engine_.waiting->bytes, 100U);
    engine_.give_room();
    EXPECT_THAT(log(0).appended, ElementsAre(&first.pending.op, &second.pending.op));
    EXPECT_THAT(log(1).appended, ElementsAre(&other.pending.op));
    EXPECT_EQ(queue_.parked_bytes(), 0U);
    EXPECT_EQ(first.account, 0U);
    EXPECT_TRUE(timers_.armed.empty());
    EXPECT_EQ(engine_.waiting, nullptr);
}

TEST_F(AppendQueueTest, KeepsTheOrderOfAPartitionThatAnAtomicAppendHolds) {
    Append first(0, 100);
    Append second(0, 10);
    Append other(1, 10);
    log(0).refusal = {engine::Errc::log_held};
    queue_.submit(first.pending);
    queue_.submit(second.pending);
    queue_.submit(other.pending);
    EXPECT_TRUE(log(0).appended.empty());
    EXPECT_THAT(log(1).appended, ElementsAre(&other.pending.op));
    EXPECT_EQ(queue_.parked_bytes(), 110U);
    // Another one may have come first.
    auto* waiter = std::exchange(log(0).release_waiter, nullptr);
    ASSERT_NE(waiter, nullptr);
    waiter->ready(*waiter);
    EXPECT_TRUE(log(0).appended.empty());
    log(0).release();
    EXPECT_THAT(log(0).appended, ElementsAre(&first.pending.op, &second.pending.op));
    EXPECT_EQ(queue_.parked_bytes(), 0U);
    EXPECT_TRUE(timers_.armed.empty());
}

TEST_F(AppendQueueTest, WaitsAgainWhenTheRoomIsTooSmall) {
    Append first(0, 100);
    Append second(1, 10);
    fill(0);
    queue_.submit(first.pending);
    queue_.submit(second.pending);
    engine_.give_room();
    EXPECT_TRUE(log(1).appended.empty());
    EXPECT_EQ(queue_.parked_bytes(), 110U);
    ASSERT_NE(engine_.waiting, nullptr);
    EXPECT_EQ(engine_.waiting->bytes, 100U);
    log(0).refusal.reset();
    engine_.give_room();
    EXPECT_EQ(log(0).appended.size(), 1U);
    EXPECT_EQ(log(1).appended.size(), 1U);
}

TEST_F(AppendQueueTest, GivesUpAtTheDeadlineWithNothingAppended) {
    Append first(0, 100, seconds(1));
    Append second(0, 50, seconds(2));
    fill(0);
    queue_.submit(first.pending);
    queue_.submit(second.pending);
    timers_.advance_to(seconds(1));
    EXPECT_EQ(first.done, 1);
    EXPECT_EQ(first.pending.problem, AppendProblem::timed_out);
    EXPECT_EQ(second.done, 0);
    ASSERT_NE(engine_.waiting, nullptr);
    EXPECT_EQ(engine_.waiting->bytes, 50U);
    log(0).refusal.reset();
    engine_.give_room();
    EXPECT_THAT(log(0).appended, ElementsAre(&second.pending.op));
}

TEST_F(AppendQueueTest, RefusesWhatIsParkedWhenItStops) {
    Append append(0, 100);
    fill(0);
    queue_.submit(append.pending);
    queue_.stop();
    EXPECT_EQ(append.done, 1);
    EXPECT_EQ(append.pending.error.code, engine::Errc::shutting_down);
    EXPECT_EQ(engine_.waiting, nullptr);
    EXPECT_TRUE(timers_.armed.empty());
}

TEST_F(AppendQueueTest, KeepsTheOrderOfAPartitionWhoseProducersAreBeingRead) {
    Append first(0, 100);
    Append second(0, 10);
    Append other(1, 10);
    log(0).refusal = {engine::Errc::producers_unread};
    queue_.submit(first.pending);
    queue_.submit(other.pending);
    EXPECT_THAT(log(1).appended, ElementsAre(&other.pending.op));  // Nobody else waits for it.
    log(0).refusal.reset();
    queue_.submit(second.pending);
    EXPECT_TRUE(log(0).appended.empty());
    EXPECT_EQ(queue_.parked_bytes(), 110U);
    log(0).producers_are_read();
    EXPECT_THAT(log(0).appended, ElementsAre(&first.pending.op, &second.pending.op));
    EXPECT_EQ(queue_.parked_bytes(), 0U);
    EXPECT_TRUE(timers_.armed.empty());
}

TEST_F(AppendQueueTest, StandsInLineForRoomWhenTheProducersAreRead) {
    Append first(0, 100);
    Append second(0, 10);
    Append other(1, 50);
    log(0).refusal = {engine::Errc::producers_unread};
    queue_.submit(first.pending);
    queue_.submit(second.pending);
    fill(1);
    queue_.submit(other.pending);
    log(0).producers_are_read();
    EXPECT_TRUE(log(0).appended.empty());
    log(1).refusal.reset();
    engine_.give_room();
    EXPECT_THAT(log(1).appended, ElementsAre(&other.pending.op));
    EXPECT_THAT(log(0).appended, ElementsAre(&first.pending.op, &second.pending.op));
}

TEST_F(AppendQueueTest, WaitsForProducersThatAreUnreadWhenThereIsRoomAgain) {
    Append first(0, 100);
    Append second(0, 10);
    fill(0);
    queue_.submit(first.pending);
    queue_.submit(second.pending);
    log(0).refusal = {engine::Errc::producers_unread};
    engine_.give_room();
    EXPECT_EQ(engine_.waiting, nullptr);
    log(0).producers_are_read();
    EXPECT_THAT(log(0).appended, ElementsAre(&first.pending.op, &second.pending.op));
}

TEST_F(AppendQueueTest, GivesUpOnProducersAtTheDeadlineAndAtAStop) {
    Append first(0, 100, seconds(1));
    Append second(0, 10);
    log(0).refusal = {engine::Errc::producers_unread};
    queue_.submit(first.pending);
    queue_.submit(second.pending);
    timers_.advance_to(seconds(1));
    EXPECT_EQ(first.pending.problem, AppendProblem::timed_out);
    queue_.stop();
    EXPECT_EQ(second.pending.error.code, engine::Errc::shutting_down);
    EXPECT_EQ(log(0).producers_waiter, nullptr);
    EXPECT_EQ(first.done + second.done, 2);
}

TEST_F(AppendQueueTest, CountsADuplicateAsNoTraffic) {
    Append append(0, 100);
    log(0).duplicates = true;
    queue_.submit(append.pending);
    broker::PartitionSource::Missing missing{};
    EXPECT_EQ(source_.find_or_open(append.pending.key, missing)->traffic().bytes_in, 0U);
}

TEST_F(AppendQueueTest, CarriesTheOutcomeOfTheAcknowledgement) {
    Append append(0, 100);
    queue_.submit(append.pending);
    acknowledge(append, engine::failure(engine::Errc::io_failed, 5));
    EXPECT_EQ(append.pending.problem, AppendProblem::refused);
    EXPECT_EQ(append.pending.error.code, engine::Errc::io_failed);
}

TEST(Partition, TellsEveryInterestThatMoreCanBeRead) {
    FakeShardEngine engine;
    FakeSource source(engine);
    broker::PartitionSource::Missing missing{};
    const engine::PartitionKey key{engine::TopicId{{1}}, 3};
    auto* partition = source.find_or_open(key, missing);
    ASSERT_NE(partition, nullptr);
    int woken[3] = {};
    broker::Interest interests[3];
    for (int index = 0; index < 3; ++index) {
        interests[index].owner = &woken[index];
        interests[index].woken = [](broker::Interest& interest) noexcept {
            ++*static_cast<int*>(interest.owner);
        };
        partition->link(interests[index]);
    }
    broker::Partition::unlink(interests[1]);
    engine.logs[key].listener->visible_end_moved(engine::Offset(1));
    EXPECT_THAT(woken, ElementsAre(1, 0, 1));
    source.close(key);  // Whoever is linked hears that the partition is gone.
    EXPECT_THAT(woken, ElementsAre(2, 0, 2));
    EXPECT_EQ(interests[0].partition, nullptr);
    EXPECT_EQ(engine.logs[key].listener, nullptr);
}

TEST_F(AppendQueueTest, KeepsTheOrderOfAPartitionWhoseRecordsAreLookedAt) {
    Append first(0, 100);
    Append second(0, 10);
    Append other(1, 10);
    log(0).refusal = {engine::Errc::records_unchecked};
    queue_.submit(first.pending);
    ASSERT_NE(log(0).check, nullptr);
    EXPECT_EQ(log(0).check->batches.data(), first.bytes.data());
    queue_.submit(other.pending);
    EXPECT_THAT(log(1).appended, ElementsAre(&other.pending.op));
    queue_.submit(second.pending);
    EXPECT_TRUE(log(0).appended.empty());
    EXPECT_EQ(queue_.parked_bytes(), 110U);
    log(0).records_are_checked({});
    EXPECT_TRUE(first.pending.op.records_checked);
    EXPECT_FALSE(second.pending.op.records_checked);
    EXPECT_THAT(log(0).appended, ElementsAre(&first.pending.op, &second.pending.op));
    EXPECT_EQ(queue_.parked_bytes(), 0U);
}

TEST_F(AppendQueueTest, RefusesTheAppendWhoseRecordHasNoKeyAndNoOther) {
    Append first(0, 100);
    Append second(0, 10);
    log(0).refusal = {engine::Errc::records_unchecked};
    queue_.submit(first.pending);
    queue_.submit(second.pending);
    log(0).records_are_checked(engine::failure(engine::Errc::missing_key), 4);
    EXPECT_EQ(first.done, 1);
    EXPECT_EQ(first.pending.problem, AppendProblem::refused);
    EXPECT_EQ(first.pending.error.code, engine::Errc::missing_key);
    EXPECT_EQ(first.pending.op.refused_record, 4);
    EXPECT_THAT(log(0).appended, ElementsAre(&second.pending.op));
}

TEST_F(AppendQueueTest, GivesUpWhatExpiresWhileItsRecordsAreLookedAt) {
    Append first(0, 100, seconds(1));
    Append second(0, 10, seconds(60));
    log(0).refusal = {engine::Errc::records_unchecked};
    queue_.submit(first.pending);
    queue_.submit(second.pending);
    timers_.advance_to(seconds(1));
    EXPECT_EQ(first.done, 1);
    EXPECT_EQ(first.pending.problem, AppendProblem::timed_out);
    log(0).records_are_checked(engine::failure(engine::Errc::missing_key), 0);
    EXPECT_EQ(first.done, 1);
    EXPECT_THAT(log(0).appended, ElementsAre(&second.pending.op));
}

TEST_F(AppendQueueTest, CallsALookAtRecordsOffWhenItStops) {
    Append append(0, 100);
    log(0).refusal = {engine::Errc::records_unchecked};
    queue_.submit(append.pending);
    queue_.stop();
    EXPECT_EQ(log(0).check, nullptr);
    EXPECT_EQ(append.pending.error.code, engine::Errc::shutting_down);
}

}  // namespace

}  // namespace millrace::testing
