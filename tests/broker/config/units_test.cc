// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/config/units.h"

#include <gtest/gtest.h>

namespace millrace::broker {
namespace {

using std::chrono::microseconds;

TEST(Units, ReadsSizesWithTheirUnit) {
    EXPECT_EQ(parse_size("64MiB"), 64ULL << 20);
    EXPECT_EQ(parse_size(" 64 MiB "), 64ULL << 20);
    EXPECT_EQ(parse_size("1.5GiB"), 3ULL << 29);
    EXPECT_EQ(parse_size("10_000 B"), 10'000U);
    EXPECT_EQ(parse_size("2MB"), 2'000'000U);
}

TEST(Units, RefusesWhatIsNoSize) {
    for (const auto* text : {"",
                             "64",
                             "MiB",
                             "64 mib",
                             "-1B",
                             "1.5B",
                             "0x10B",
                             "1..5KiB",
                             ".5KiB",
                             "99999999999999999999B",
                             "16777216TiB",
                             "1KiB2"}) {
        EXPECT_FALSE(parse_size(text)) << text;
    }
}

TEST(Units, ReadsDurationsWithTheirUnit) {
    EXPECT_EQ(parse_duration("30 s"), std::chrono::seconds(30));
    EXPECT_EQ(parse_duration("7d"), std::chrono::hours(7 * 24));
    EXPECT_EQ(parse_duration("20us"), microseconds(20));
    EXPECT_EQ(parse_duration("0.1s"), std::chrono::milliseconds(100));
    EXPECT_EQ(parse_duration("5min"), std::chrono::minutes(5));
    EXPECT_FALSE(parse_duration("30"));
    EXPECT_FALSE(parse_duration("0.5us"));
    EXPECT_FALSE(parse_duration("400000000d"));
}

TEST(Units, WritesWhatItReadsBack) {
    for (const std::uint64_t bytes :
         {0ULL, 1ULL, 1000ULL, 1024ULL, 1'048'588ULL, 1ULL << 30, 5ULL << 40}) {
        EXPECT_EQ(parse_size(format_size(bytes)), bytes) << format_size(bytes);
    }
    for (const auto count : {0, 1, 999, 1'000'000, 90'000'000}) {
        const auto text = format_duration(microseconds(count));
        EXPECT_EQ(parse_duration(text), microseconds(count)) << text;
    }
    EXPECT_EQ(format_size(64ULL << 20), "64MiB");
    EXPECT_EQ(format_duration(std::chrono::hours(168)), "7d");
}

}  // namespace
}  // namespace millrace::broker
