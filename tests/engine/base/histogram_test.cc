// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/histogram.h"

#include <gtest/gtest.h>

namespace millrace::engine {
namespace {

using Small = Histogram<10, 3>;  // 10, 20, 40, and above.

TEST(Histogram, CountsAValueInTheBucketWhoseBoundItDoesNotPass) {
    Small histogram;
    for (const auto value : {0U, 1U, 10U, 11U, 20U, 21U, 40U, 41U, 1'000'000U})
        histogram.record(value);
    EXPECT_EQ(histogram.count_in(0), 3U);
    EXPECT_EQ(histogram.count_in(1), 2U);
    EXPECT_EQ(histogram.count_in(2), 2U);
    EXPECT_EQ(histogram.count_in(3), 2U);
    EXPECT_EQ(histogram.count(), 9U);
    EXPECT_EQ(histogram.sum(), 1'000'144U);
}

TEST(Histogram, CountsEachBoundInItsOwnBucket) {
    for (std::size_t index = 0; index < 3; ++index) {
        Small histogram;
        histogram.record(Small::bound(index));
        EXPECT_EQ(histogram.count_in(index), 1U) << index;
    }
}

TEST(Histogram, AddsAnother) {
    Small first;
    Small second;
    first.record(5);
    second.record(15);
    second.record(5);
    first.add(second);
    EXPECT_EQ(first.count_in(0), 2U);
    EXPECT_EQ(first.count_in(1), 1U);
    EXPECT_EQ(first.sum(), 25U);
}

TEST(Histogram, TakesADurationThatIsBelowZeroAsNone) {
    DurationHistogram histogram;
    histogram.record(std::chrono::nanoseconds(-1));
    EXPECT_EQ(histogram.count_in(0), 1U);
    EXPECT_EQ(histogram.sum(), 0U);
}

TEST(Histogram, TakesTheLargestValueThereIs) {
    Small histogram;
    histogram.record(std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(histogram.count_in(3), 1U);
}

}  // namespace
}  // namespace millrace::engine
