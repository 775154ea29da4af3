// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/exposure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::broker {
namespace {

using ::testing::HasSubstr;

NodeOptions listening_on(const std::string& bind, bool allowed = false) {
    NodeOptions options;
    options.listeners.push_back({.name = "client", .bind = bind});
    options.allow_unauthenticated = allowed;
    return options;
}

TEST(Exposure, AllowsWhatOnlyThisMachineReaches) {
    for (const auto* bind :
         {"127.0.0.1:9192", "127.8.9.1:0", "[::1]:0", "localhost:0", "unix:/a/b"}) {
        const auto exposure = check_exposure(listening_on(bind));
        ASSERT_TRUE(exposure) << bind << ": " << exposure.error();
        EXPECT_TRUE(exposure->loopback_only);
    }
}

TEST(Exposure, RefusesEverythingElseUnlessItIsWanted) {
    for (const auto* bind : {"0.0.0.0:9192", "[::]:0", "10.1.2.3:1", "[fe80::1]:1"}) {
        EXPECT_THAT(check_exposure(listening_on(bind)).error(),
                    HasSubstr("security.allow_unauthenticated"))
                << bind;
        const auto allowed = check_exposure(listening_on(bind, true));
        ASSERT_TRUE(allowed) << bind;
        EXPECT_FALSE(allowed->loopback_only);
    }
}

TEST(Exposure, RefusesWhatIsNoAddressAndNamesTheKey) {
    for (const auto* bind : {"",
                             "9192",
                             "127.0.0.1",
                             "127.0.0.1:",
                             "127.0.0.1:65536",
                             "127.0.0.1:-1",
                             "127.0.0.1:9x",
                             ":9192",
                             "::1:9192",
                             "unix:relative",
                             "no.such.invalid:1"}) {
        const auto exposure = check_exposure(listening_on(bind, true));
        ASSERT_FALSE(exposure) << bind;
        EXPECT_THAT(exposure.error(), HasSubstr("listener.client.bind"));
    }
    const auto long_host = std::string(300, 'a') + ":1";
    EXPECT_FALSE(check_exposure(listening_on(long_host, true)));
}

}  // namespace
}  // namespace millrace::broker
