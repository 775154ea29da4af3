// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "producer/partitioner.h"

#include "core/bytes.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace millrace::detail {
namespace {

// Made with Kafka's own class.
constexpr std::pair<std::string_view, std::int32_t> kKafkaVectors[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107}};

TEST(Murmur2, IsKafkas) {
    for (const auto& [key, hash] : kKafkaVectors)
        EXPECT_EQ(murmur2(bytes_of(key)), hash) << key;
}

TEST(PartitionOfKey, DropsTheSignBitInsteadOfNegating) {
    // -973932308 & 0x7fffffff
    EXPECT_EQ(partition_of_key(bytes_of("21"), 1000), (2147483648U - 973932308U) % 1000);
    EXPECT_EQ(partition_of_key(bytes_of("abc"), 1000), 107U);
}

TEST(PartitionOfKey, LiesInTheTopicForAnyKeyAndCount) {
    for (std::uint32_t count = 1; count < 20; ++count) {
        for (const auto& [key, hash] : kKafkaVectors) {
            EXPECT_LT(partition_of_key(bytes_of(key), count), count);
        }
        EXPECT_LT(partition_of_key({}, count), count);
    }
}

TEST(StickyChoice, AlwaysGoesToAnotherPartitionAndReachesAll) {
    StickyChoice choice(7);
    std::set<std::uint32_t> seen;
    std::uint32_t present = UINT32_MAX;
    for (int i = 0; i < 200; ++i) {
        const auto next = choice.next(present, 5);
        ASSERT_LT(next, 5U);
        ASSERT_NE(next, present);
        seen.insert(next);
        present = next;
    }
    EXPECT_EQ(seen.size(), 5U);
    EXPECT_EQ(choice.next(0, 1), 0U);
    EXPECT_LT(choice.next(9, 3), 3U) << "after the topic was made again with fewer partitions";
}

}  // namespace
}  // namespace millrace::detail
