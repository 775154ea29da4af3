// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/wal/wal_writer.h"

#include "tests/engine/wal/wal_harness.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace millrace::testing {
namespace {

using engine::EntryKind;
using engine::Errc;
using namespace std::chrono_literals;

std::vector<ReplayedText> appends(std::initializer_list<const char*> texts) {
    std::vector<ReplayedText> expected;
    for (const auto* text : texts)
        expected.push_back({EntryKind::append, 0, text});
    return expected;
}

class WalWriter : public ::testing::TestWithParam<bool> {
protected:
    WalWriter() { wal_.options.synced_writes = GetParam(); }

    WalHarness wal_;
};

INSTANTIATE_TEST_SUITE_P(CommitModes,
                         WalWriter,
                         ::testing::Values(false, true),
                         [](const auto& mode) { return mode.param ? "Ring" : "Thread"; });

TEST_P(WalWriter, KeepsFlushedEntriesOverAPowerCut) {
    ASSERT_TRUE(wal_.open());
    wal_.commit("one", 1);
    wal_.commit("two", 2);
    EXPECT_EQ(wal_.sink.flushed, (std::vector<std::int64_t>{1, 2}));
    wal_.cut_power();
    ASSERT_TRUE(wal_.open());
    EXPECT_EQ(wal_.found, appends({"one", "two"}));
}

TEST_P(WalWriter, FollowsTheChainThroughManyRuns) {
    for (int run = 0; run < 5; ++run) {
        ASSERT_TRUE(wal_.open());
        EXPECT_EQ(wal_.found.size(), static_cast<std::size_t>(run));
        EXPECT_EQ(wal_.options.run_number, static_cast<std::uint32_t>(run) + 1);
        wal_.commit("entry", run);
        wal_.cut_power();
    }
}

}  // namespace
}  // namespace millrace::testing
