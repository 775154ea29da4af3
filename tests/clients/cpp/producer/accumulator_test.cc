// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Batching and its times, on a clock that the test moves.
#include "producer/accumulator.h"

#include "core/bytes.h"
#include "engine/format/batch_reader.h"
#include "tests/support/fake_clock.h"

#include <gtest/gtest.h>

#include <string>

namespace millrace::detail {
namespace {

using namespace std::chrono_literals;

constexpr TakeLimits kLimits{.target = 1U << 20, .room = 1U << 20, .request_max = 1U << 20};

class AccumulatorTest : public ::testing::Test {
protected:
    void make(ProducerOptions options, std::uint32_t partitions = 3) {
        options_ = options;
        accumulator_ = std::make_unique<Accumulator>(options, 1);
        add("t", 0, "first");  // Unknown so far: it waits for the topic's partitions.
        know("t", partitions);
        take();
        for (auto& batch : taken_)
            accumulator_->finished(*batch.queue, *batch.batch, true, now());
    }

    engine::MonotonicTime now() { return clock_.monotonic_now(); }

    void know(const std::string& topic, std::uint32_t partitions) {
        clock_.advance(options_.linger);
        accumulator_->set_topic(
                *accumulator_->find(topic), {{1}}, partitions, clock_.monotonic_now(), failed_);
    }

    bool add(std::string_view topic,
             std::optional<std::uint32_t> partition,
             std::string_view value,
             std::optional<std::string_view> key = {}) {
        NewRecord record;
        record.parts.timestamp = clock_.wall_now();
        record.parts.value = bytes_of(value);
        if (key) record.parts.key = bytes_of(*key);
        record.partition = partition;
        record.cost = value.size();
        return accumulator_->add(topic, record, {}, clock_.monotonic_now());
    }

    std::size_t take(const TakeLimits& limits = kLimits) {
        taken_ = accumulator_->take(clock_.monotonic_now(), limits, too_large_);
        return taken_.size();
    }

    std::size_t records(std::size_t index) { return taken_.at(index).batch->deliveries.size(); }

    testing::FakeClock clock_;
    ProducerOptions options_;
    std::unique_ptr<Accumulator> accumulator_;
    std::vector<TakenBatch> taken_;
    std::vector<TakenBatch> too_large_;
    std::vector<FailedBatch> failed_;
};

TEST_F(AccumulatorTest, SendsWhatIsThereAtOnceWithoutLinger) {
    make({});
    EXPECT_TRUE(add("t", 0, "x"));
    EXPECT_EQ(take(), 1U);
}

TEST_F(AccumulatorTest, WaitsForTheLingerAndNotLonger) {
    ProducerOptions options;
    options.linger = 5ms;
    make(options);
    EXPECT_TRUE(add("t", 0, "x"));
    EXPECT_FALSE(add("t", 0, "y")) << "nobody needs to wake for a second record";
    EXPECT_EQ(accumulator_->next_event(clock_.monotonic_now()), clock_.monotonic_now() + 5ms);
    clock_.advance(5ms - 1ns);
    EXPECT_EQ(take(), 0U);
    clock_.advance(1ns);
    ASSERT_EQ(take(), 1U);
    EXPECT_EQ(records(0), 2U);
}

TEST_F(AccumulatorTest, DoesNotWaitForABatchThatIsFull) {
    ProducerOptions options;
    options.linger = 1h;
    options.batch_bytes = 1000;
    make(options);
    const std::string value(400, 'v');
    add("t", 0, value);
    add("t", 0, value);
    EXPECT_EQ(take(), 0U);
    EXPECT_TRUE(add("t", 0, value)) << "it does not fit any more: the first batch must go";
    ASSERT_EQ(take(), 1U);
    EXPECT_EQ(records(0), 2U);
}

TEST_F(AccumulatorTest, TakesNeighboursAlongBeforeTheirTime) {
    ProducerOptions options;
    options.linger = 10ms;
    make(options);
    add("t", 0, "old");
    clock_.advance(9ms);
    add("t", 1, "young");
    EXPECT_EQ(take(), 0U);
    clock_.advance(1ms);
    EXPECT_EQ(take(), 2U);
}

TEST_F(AccumulatorTest, HasOneBatchOfAPartitionOnItsWay) {
    make({});
    add("t", 0, "1");
    ASSERT_EQ(take(), 1U);
    auto first = std::move(taken_.front());
    add("t", 0, "2");
    add("t", 0, "3");
    EXPECT_EQ(take(), 0U);
    accumulator_->finished(*first.queue, *first.batch, true, now());
    ASSERT_EQ(take(), 1U);
    EXPECT_EQ(records(0), 2U) << "what came meanwhile goes together";
}

TEST_F(AccumulatorTest, PutsABatchThatComesBackBeforeYoungerOnes) {
    make({});
    add("t", 0, "1");
    ASSERT_EQ(take(), 1U);
    auto first = std::move(taken_.front());
    add("t", 0, "2");
    const auto* again = first.batch.get();
    first.batch->not_before = clock_.monotonic_now() + 20ms;
    first.batch->tries = 1;
    accumulator_->give_back(*first.queue, std::move(first.batch));
    EXPECT_EQ(take(), 0U) << "the younger one must not overtake it";
    EXPECT_EQ(accumulator_->next_event(clock_.monotonic_now()), clock_.monotonic_now() + 20ms);
    clock_.advance(20ms);
    ASSERT_EQ(take(), 1U);
    EXPECT_EQ(taken_.front().batch.get(), again);
}

TEST_F(AccumulatorTest, NamesAPartitionOnceInARequest) {
    ProducerOptions options;
    options.in_flight_per_partition = 5;
    options.batch_bytes = 1000;
    options.linger = 1h;
    make(options);
    const std::string value(600, 'v');
    for (int i = 0; i < 4; ++i)
        add("t", 0, value);
    EXPECT_EQ(take(), 1U);
    EXPECT_EQ(take(), 1U) << "the next one may go in another request";
}

TEST_F(AccumulatorTest, FillsARequestToItsTargetAndRoomButSendsAFirstBatchOverTheTarget) {
    make({});
    const std::string value(1000, 'v');
    for (std::uint32_t partition = 0; partition < 3; ++partition)
        add("t", partition, value);
    EXPECT_EQ(take({.target = 10, .room = 10'000, .request_max = 10'000}), 1U);
    EXPECT_EQ(take({.target = 10'000, .room = 100, .request_max = 10'000}), 0U);
    EXPECT_EQ(take({.target = 10'000, .room = 10'000, .request_max = 10'000}), 2U);
}

TEST_F(AccumulatorTest, NamesNoMorePartitionsThanAllowed) {
    make({});
    for (std::uint32_t partition = 0; partition < 3; ++partition)
        add("t", partition, "v");
    auto limits = kLimits;
    limits.batches = 2;
    EXPECT_EQ(take(limits), 2U);
    EXPECT_EQ(take(limits), 1U);
}

TEST_F(AccumulatorTest, SetsAsideWhatNoRequestCanCarry) {
    make({});
    add("t", 0, std::string(1000, 'v'));
    EXPECT_EQ(take({.target = 100, .room = 500, .request_max = 500}), 0U);
    EXPECT_EQ(too_large_.size(), 1U);
}

TEST_F(AccumulatorTest, HalvesABatchThatIsTooLargeInOrder) {
    make({});
    for (const auto* value : {"0", "1", "2", "3", "4"})
        add("t", 0, value);
    ASSERT_EQ(take(), 1U);
    auto whole = std::move(taken_.front());
    accumulator_->give_back_split(*whole.queue, std::move(whole.batch));
    std::string order;
    for (int i = 0; i < 2; ++i) {
        ASSERT_EQ(take(), 1U);
        const auto bytes = taken_.front().batch->encode(Compression::none);
        ASSERT_TRUE(bytes);
        engine::BatchReader reader;
        ASSERT_TRUE(reader.open(engine::BatchView::trusted(bytes->data()), 1000));
        for (auto item = reader.next(); item && *item; item = reader.next())
            order += text_of(*(**item).record.value);
        order += '|';
        accumulator_->finished(*taken_.front().queue, *taken_.front().batch, true, now());
    }
    EXPECT_EQ(order, "01|234|");
}

TEST_F(AccumulatorTest, SendsWithoutLingerWhatWasThereWhenAFlushBegan) {
    ProducerOptions options;
    options.linger = 1h;
    make(options);
    const auto before = accumulator_->begin_flush();
    add("t", 0, "x");
    const auto epoch = accumulator_->begin_flush();
    add("t", 0, "later");
    ASSERT_EQ(take(), 1U);
    EXPECT_EQ(records(0), 1U) << "what came after it is not part of the flush";
    accumulator_->settle(before, 1);  // "first", of make().
    EXPECT_FALSE(accumulator_->flushed(epoch));
    accumulator_->settle(epoch, 1);
    EXPECT_TRUE(accumulator_->flushed(epoch));
    EXPECT_FALSE(accumulator_->empty());
}

TEST_F(AccumulatorTest, FailsWhatWaitsLongerThanItsDeadlineAndNothingYounger) {
    ProducerOptions options;
    options.linger = 1h;
    options.delivery_timeout = 100ms;
    make(options);
    add("t", 0, "x");
    clock_.advance(50ms);
    add("t", 1, "y");
    clock_.advance(50ms - 1ns);
    accumulator_->expire(clock_.monotonic_now(), failed_);
    EXPECT_TRUE(failed_.empty());
    clock_.advance(1ns);
    accumulator_->expire(clock_.monotonic_now(), failed_);
    ASSERT_EQ(failed_.size(), 1U);
    EXPECT_EQ(failed_.front().partition, 0U);
    EXPECT_EQ(failed_.front().why.code, ErrorCode::timed_out);
}

TEST_F(AccumulatorTest, SaysTheLastRefusalUnlessTheBatchMayBeStored) {
    for (const bool uncertain : {false, true}) {
        failed_.clear();
        make({});
        add("t", 0, "x");
        ASSERT_EQ(take(), 1U);
        auto batch = std::move(taken_.front().batch);
        batch->last_error = {ErrorCode::storage_full, "full"};
        batch->uncertain = uncertain;
        accumulator_->give_back(*taken_.front().queue, std::move(batch));
        clock_.advance(options_.delivery_timeout);
        accumulator_->expire(clock_.monotonic_now(), failed_);
        ASSERT_EQ(failed_.size(), 1U);
        EXPECT_EQ(failed_.front().why.code,
                  uncertain ? ErrorCode::timed_out : ErrorCode::storage_full);
    }
}

TEST_F(AccumulatorTest, KeepsRecordsWithoutKeyTogetherUntilTheBatchGoes) {
    ProducerOptions options;
    options.linger = 1ms;
    make(options, 10);
    for (int i = 0; i < 50; ++i)
        add("t", {}, "x");
    clock_.advance(1ms);
    ASSERT_EQ(take(), 1U);
    EXPECT_EQ(records(0), 50U);
    const auto before = taken_.front().queue->partition;
    add("t", {}, "x");
    clock_.advance(1ms);
    ASSERT_EQ(take(), 1U);
    EXPECT_NE(taken_.front().queue->partition, before);
}

TEST_F(AccumulatorTest, PutsAKeyWhereKafkaPutsIt) {
    make({}, 7);
    add("t", {}, "x", "foobar");
    ASSERT_EQ(take(), 1U);
    EXPECT_EQ(taken_.front().queue->partition, (2147483648U - 790332482U) % 7);
}

TEST_F(AccumulatorTest, KeepsTheOrderOfRecordsThatWaitForTheirTopic) {
    accumulator_ = std::make_unique<Accumulator>(options_, 1);
    EXPECT_TRUE(add("new", 1, "a"));
    EXPECT_FALSE(add("new", 1, "b"));
    EXPECT_EQ(accumulator_->topics_to_look_up(clock_.monotonic_now(), 10).size(), 1U);
    EXPECT_TRUE(accumulator_->topics_to_look_up(clock_.monotonic_now(), 10).empty())
            << "it is looked up already";
    EXPECT_EQ(take(), 0U);
    add("new", 5, "beyond");
    know("new", 2);
    ASSERT_EQ(take(), 1U);
    EXPECT_EQ(records(0), 2U);
    ASSERT_EQ(failed_.size(), 1U);
    EXPECT_EQ(failed_.front().why.code, ErrorCode::unknown_partition);
}

}  // namespace
}  // namespace millrace::detail
