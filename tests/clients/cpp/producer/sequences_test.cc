// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "producer/sequences.h"

#include <gtest/gtest.h>

#include <limits>

namespace millrace::testing {
namespace {

using detail::PendingBatch;
using detail::SequenceRemedy;
using detail::Sequences;
using engine::ProducerStamp;

constexpr engine::MonotonicTime kNow = std::chrono::hours(5);

class SequencesTest : public ::testing::Test {
protected:
    PendingBatch& batch(int records = 1) {
        auto& made = *batches_.emplace_back(std::make_unique<PendingBatch>());
        for (int i = 0; i < records; ++i)
            made.builder.append({.timestamp = 1});
        return made;
    }

    // Stamped and on its way.
    PendingBatch& sent(int records = 1) {
        auto& made = batch(records);
        sequences_.stamp(made, 7);
        sequences_.sent(made);
        return made;
    }

    void acknowledge(const PendingBatch& which) {
        sequences_.came_back(which);
        sequences_.acknowledged(kNow);
    }

    void fail(const PendingBatch& which) {
        sequences_.came_back(which);
        sequences_.failed(which);
    }

    SequenceRemedy refuse(const PendingBatch& which,
                          ErrorCode code = ErrorCode::out_of_order_sequence,
                          const PendingBatch* waiting = nullptr) {
        const auto remedy = sequences_.refused(which, code, waiting);
        sequences_.came_back(which);
        return remedy;
    }

    Sequences sequences_;

private:
    std::vector<std::unique_ptr<PendingBatch>> batches_;
};

TEST_F(SequencesTest, CountRecordsFromZero) {
    EXPECT_EQ(sent(3).stamp, (ProducerStamp{7, 0, 0}));
    EXPECT_EQ(sent(2).stamp, (ProducerStamp{7, 0, 3}));
    EXPECT_EQ(sent().stamp, (ProducerStamp{7, 0, 5}));
}

TEST_F(SequencesTest, KeepTheNumberOfABatchThatIsSentAgain) {
    auto& first = sent();
    sent();
    sequences_.came_back(first);
    sequences_.stamp(first, 7);
    EXPECT_EQ(first.stamp, (ProducerStamp{7, 0, 0}));
}

TEST_F(SequencesTest, GoOnWithZeroBehindTheLargest) {
    constexpr auto kLast = std::numeric_limits<std::int32_t>::max();
    EXPECT_EQ(detail::sequence_after(kLast, 1), 0);
    EXPECT_EQ(detail::sequence_after(kLast - 1, 4), 2);
    EXPECT_EQ(detail::sequence_after(0, 0), 0);
}

TEST_F(SequencesTest, LetOneBatchGoUntilTheBrokerKnowsTheProducer) {
    EXPECT_EQ(sequences_.in_flight_max(5, kNow), 1U);
    acknowledge(sent());
    EXPECT_EQ(sequences_.in_flight_max(5, kNow), 5U);
    EXPECT_EQ(sequences_.in_flight_max(5, kNow + std::chrono::hours(1)), 1U);
    sequences_.forget_acknowledgements();
    EXPECT_EQ(sequences_.in_flight_max(5, kNow), 1U);
}

TEST_F(SequencesTest, SendABatchAgainThatOvertookAnother) {
    auto& first = sent();
    auto& second = sent();
    auto& third = sent();
    EXPECT_EQ(refuse(second), SequenceRemedy::send_again);  // The first has no answer yet.
    sequences_.came_back(first);                            // It waits to be sent again.
    EXPECT_EQ(refuse(third, ErrorCode::out_of_order_sequence, &first), SequenceRemedy::send_again);
    EXPECT_EQ(third.stamp, (ProducerStamp{7, 0, 2}));
    EXPECT_FALSE(sequences_.is_void(third.stamp));
}

TEST_F(SequencesTest, BeginAnEpochBehindABatchThatFailed) {
    auto& first = sent();
    auto& second = sent(2);
    auto& third = sent();
    fail(first);
    EXPECT_EQ(refuse(second), SequenceRemedy::send_again);
    EXPECT_TRUE(sequences_.is_void(second.stamp));
    EXPECT_TRUE(sequences_.waits_for_old_ones());
    EXPECT_EQ(refuse(third, ErrorCode::invalid_producer_epoch), SequenceRemedy::send_again);
    EXPECT_FALSE(sequences_.waits_for_old_ones());
    sequences_.stamp(second, 7);
    sequences_.stamp(third, 7);
    EXPECT_EQ(second.stamp, (ProducerStamp{7, 1, 0}));
    EXPECT_EQ(third.stamp, (ProducerStamp{7, 1, 2}));
    EXPECT_EQ(sequences_.in_flight_max(5, kNow), 1U);
}

TEST_F(SequencesTest, FailABatchWhosePredecessorsWereAllAcknowledged) {
    acknowledge(sent());
    auto& second = sent();
    EXPECT_EQ(refuse(second), SequenceRemedy::fail);
    sequences_.failed(second);
    auto& third = sent();
    EXPECT_EQ(refuse(third), SequenceRemedy::send_again);  // And goes on in the next epoch.
    sequences_.stamp(third, 7);
    EXPECT_EQ(third.stamp, (ProducerStamp{7, 1, 0}));
}

TEST_F(SequencesTest, TakeAnOldDuplicateForStoredOnlyIfItMayHaveBeen) {
    auto& first = sent();
    first.uncertain = true;
    EXPECT_EQ(refuse(first, ErrorCode::duplicate_sequence), SequenceRemedy::stored);
    EXPECT_EQ(refuse(sent(), ErrorCode::duplicate_sequence), SequenceRemedy::fail);
}

TEST_F(SequencesTest, FailWhenAnotherOneHasTheId) {
    EXPECT_EQ(refuse(sent(), ErrorCode::invalid_producer_epoch), SequenceRemedy::fail);
}

TEST_F(SequencesTest, TakeANewIdWhenTheEpochsAreUsedUp) {
    for (int epoch = 0; epoch <= std::numeric_limits<std::int16_t>::max(); ++epoch) {
        auto& lost = sent();
        ASSERT_EQ(lost.stamp.epoch, epoch);
        fail(lost);
        ASSERT_EQ(refuse(sent()), SequenceRemedy::send_again);
    }
    EXPECT_FALSE(sequences_.has_producer());
    auto& next = batch();
    sequences_.stamp(next, 8);
    EXPECT_EQ(next.stamp, (ProducerStamp{8, 0, 0}));
}

}  // namespace
}  // namespace millrace::testing
