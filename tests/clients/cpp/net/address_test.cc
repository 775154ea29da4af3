// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "net/address.h"

#include <gtest/gtest.h>

namespace millrace::detail {
namespace {

TEST(Addresses, AreHostsWithPortsAndSocketPathsInOrder) {
    const auto parsed = parse_addresses("broker:9192, [::1]:1,unix:/run/m.sock");
    ASSERT_TRUE(parsed) << parsed.error().message;
    ASSERT_EQ(parsed->size(), 3U);
    EXPECT_EQ((*parsed)[0].host, "broker");
    EXPECT_EQ((*parsed)[0].port, 9192);
    EXPECT_EQ((*parsed)[1].host, "::1");
    EXPECT_EQ((*parsed)[1].port, 1);
    EXPECT_EQ((*parsed)[2].path, "/run/m.sock");
    EXPECT_EQ((*parsed)[2].text, "unix:/run/m.sock");
}

TEST(Addresses, ThatCannotBeAreNamedInTheError) {
    for (const auto* text : {"",
                             "host",
                             "host:",
                             ":1",
                             "host:0",
                             "host:65536",
                             "host:1x",
                             "::1:9192",
                             "unix:",
                             "a:1,,b:2",
                             "a:1,b"}) {
        const auto parsed = parse_addresses(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code, ErrorCode::invalid_address);
    }
    EXPECT_NE(parse_addresses("good:1,bad").error().message.find("'bad'"), std::string::npos);
    EXPECT_FALSE(parse_addresses("unix:" + std::string(108, 'p')));
    EXPECT_TRUE(parse_addresses("unix:" + std::string(107, 'p')));
}

}  // namespace
}  // namespace millrace::detail
