// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "producer/partitioner.h"

#include "core/bytes.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace millrace::detail {
namespace {

// The vectors that clients in every language share.
std::vector<std::pair<std::string, std::int32_t>> shared_vectors() {
    std::ifstream file(MILLRACE_SCHEMAS "/murmur2_vectors.tsv");
    std::vector<std::pair<std::string, std::int32_t>> vectors;
    for (std::string line; std::getline(file, line);) {
        const auto tab = line.find('\t');
        if (line.starts_with('#') || tab == std::string::npos) continue;
        vectors.emplace_back(line.substr(0, tab), std::stoi(line.substr(tab + 1)));
    }
    return vectors;
}

TEST(Murmur2, IsKafkas) {
    const auto vectors = shared_vectors();
    ASSERT_GE(vectors.size(), 6U);
    for (const auto& [key, hash] : vectors)
        EXPECT_EQ(murmur2(bytes_of(key)), hash) << key;
}

TEST(PartitionOfKey, DropsTheSignBitInsteadOfNegating) {
    // -973932308 & 0x7fffffff
    EXPECT_EQ(partition_of_key(bytes_of("21"), 1000), (2147483648U - 973932308U) % 1000);
    EXPECT_EQ(partition_of_key(bytes_of("abc"), 1000), 107U);
}

TEST(PartitionOfKey, LiesInTheTopicForAnyKeyAndCount) {
    for (std::uint32_t count = 1; count < 20; ++count) {
        for (const auto& [key, hash] : shared_vectors()) {
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
