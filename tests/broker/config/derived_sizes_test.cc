// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/config/derived_sizes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::broker {
namespace {

using engine::kGiB;
using engine::kMiB;

NodeOptions options_of(std::uint32_t shards, std::uint64_t memory) {
    NodeOptions options;
    options.shards = shards;
    options.memory_total = memory;
    return options;
}

TEST(DerivedSizes, TakesAQuarterOfTheMemoryUpToAGibibyte) {
    EXPECT_EQ(default_memory_total(16 * kGiB), kGiB);
    EXPECT_NEAR(static_cast<double>(default_memory_total(2 * kGiB)), 512.0 * kMiB, 1.0 * kMiB);
    EXPECT_EQ(default_memory_total(128 * kMiB), 96 * kMiB);
}

TEST(DerivedSizes, StartsNoMoreShardsThanThereIsMemoryFor) {
    EXPECT_EQ(default_shards(2, kGiB), 2U);
    EXPECT_EQ(default_shards(64, kGiB), 12U);
    EXPECT_EQ(default_shards(64, 100 * kGiB), 16U);
    EXPECT_EQ(default_shards(8, 96 * kMiB), 1U);
}

TEST(DerivedSizes, DefaultsHoldTogetherOnEveryMachine) {
    for (const std::uint32_t cores : {1, 2, 3, 16, 128}) {
        for (std::uint64_t memory = 64 * kMiB; memory <= 64 * kGiB; memory *= 2) {
            const auto total = default_memory_total(memory);
            const auto sizes = derive_sizes(options_of(default_shards(cores, total), total), kGiB);
            ASSERT_TRUE(sizes) << sizes.error();
            EXPECT_LE(sizes->arena_bytes + sizes->receive_bytes + sizes->response_bytes, total);
            EXPECT_LE(sizes->wal_bytes, total / 100 * 40);
        }
    }
}

TEST(DerivedSizes, LetsTheSmallestOfThreeBoundTheLog) {
    EXPECT_EQ(derive_sizes(options_of(1, 16 * kGiB), 1000 * kGiB)->wal_bytes, 512 * kMiB);
    EXPECT_EQ(derive_sizes(options_of(1, 16 * kGiB), 2000 * kMiB)->wal_bytes, 200 * kMiB);
    EXPECT_EQ(derive_sizes(options_of(1, 500 * kMiB), 1000 * kGiB)->wal_bytes, 200 * kMiB);
    EXPECT_EQ(derive_sizes(options_of(2, 16 * kGiB), 100 * kMiB)->wal_bytes, 64 * kMiB);
}

TEST(DerivedSizes, RefusesWhatCannotHoldAndNamesTheKeys) {
    using ::testing::HasSubstr;
    auto small = options_of(4, 128 * kMiB);
    EXPECT_THAT(derive_sizes(small, kGiB).error(), HasSubstr("memory.total = 128MiB"));
    auto wal = options_of(2, kGiB);
    wal.wal_bytes = 63 * kMiB;
    EXPECT_THAT(derive_sizes(wal, kGiB).error(), HasSubstr("wal.bytes = 63MiB"));
    wal.wal_bytes = 64 * kMiB;
    EXPECT_TRUE(derive_sizes(wal, kGiB));
    wal.topic_defaults.message_bytes_max = 3 << 20;
    EXPECT_THAT(derive_sizes(wal, kGiB).error(), HasSubstr("topic.max_message_bytes"));
}

}  // namespace
}  // namespace millrace::broker
