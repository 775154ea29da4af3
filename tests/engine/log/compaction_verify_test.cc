// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Verification of logs that are compacted, before, after and meanwhile.
#include "engine/format/record_batch.h"
#include "tests/engine/log/compaction_harness.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace millrace::engine {
namespace {

using testing::CompactionHarness;
using testing::FinishedCompact;
using testing::FinishedVerify;
using testing::keyed_batch;

void fill(CompactionHarness& harness) {
    harness.open(CompactionHarness::config());
    for (int i = 0; i < 40; ++i) {
        harness.append(keyed_batch(
                {{fmt::format("k{}", i % 5), std::string(200, 'v')},
                 {fmt::format("only-{}", i), std::string(i % 3 == 0 ? 40U : 2U, 'v')}}));
    }
    harness.rows = harness.only_files();
}

void verify(CompactionHarness& harness, FinishedVerify& op) {
    harness.log->verify(op);
    EXPECT_TRUE(harness.run_until([&op] { return op.finished; }));
    EXPECT_TRUE(op.outcome.has_value());
    EXPECT_TRUE(op.at_end);
}

TEST(VerifyOfCompacted, TakesMissingOffsetsForNoDamage) {
    CompactionHarness harness;
    fill(harness);
    harness.compact();
    harness.settle_all();
    FinishedVerify op;
    verify(harness, op);
    EXPECT_TRUE(op.damaged.empty()) << op.damaged.front().reason;
    EXPECT_EQ(op.segments, harness.log->segment_count());
    EXPECT_EQ(op.records, harness.records().size());
    EXPECT_LT(op.records, 80U);
}

TEST(VerifyOfCompacted, NamesWhatIsDamagedBetweenMissingOffsets) {
    CompactionHarness harness;
    fill(harness);
    harness.compact();
    harness.settle_all();
    const auto batches = harness.batches();
    const auto first = BatchView::trusted(batches[0].data());
    const auto second = BatchView::trusted(batches[1].data());
    const auto file = std::string("topics/orders-3/00000000000000000000.log");
    const auto place = first.size() + kBatchHeaderBytes + 3;
    auto byte = harness.disk.contents(file)[place] ^ std::byte{0x10};
    harness.disk.overwrite(file, place, {&byte, 1});
    FinishedVerify op;
    verify(harness, op);
    ASSERT_EQ(op.damaged.size(), 1U);
    EXPECT_EQ(op.damaged[0].first, first.next_offset());
    EXPECT_EQ(op.damaged[0].last, BatchView::trusted(batches[2].data()).base_offset() - 1);
    EXPECT_LE(op.damaged[0].first, second.base_offset());
    EXPECT_EQ(op.damaged[0].position, first.size());
    EXPECT_NE(op.damaged[0].reason.find("the checksum is"), std::string::npos);
}

// Whichever of its moments the verification begins at.
TEST(VerifyOfCompacted, GoesOverWhatReplacesSegmentsMeanwhile) {
    bool replaced_meanwhile = false;
    for (int moment = 0;; ++moment) {
        CompactionHarness harness;
        fill(harness);
        FinishedCompact compaction;
        harness.log->compact(compaction);
        int looks = 0;
        while (looks < moment && !compaction.finished) {
            const bool goes_on = harness.run_until([&] {
                return ++looks >= moment || compaction.finished || harness.logs->wants_round();
            });
            ASSERT_TRUE(goes_on);
            if (harness.logs->wants_round()) harness.rows = harness.checkpoint();
        }
        SCOPED_TRACE(moment);
        if (compaction.finished) break;
        const auto bytes = harness.log->size_bytes();
        FinishedVerify op;
        harness.log->verify(op);
        while (harness.run_until([&] { return op.finished || harness.logs->wants_round(); }) &&
               !op.finished)
            harness.rows = harness.checkpoint();
        ASSERT_TRUE(op.finished && op.outcome && op.at_end);
        replaced_meanwhile |= harness.log->size_bytes() != bytes;
        EXPECT_TRUE(op.damaged.empty()) << op.damaged.front().reason;
        EXPECT_GE(op.records, harness.records().size());
        EXPECT_EQ(op.next_offset, Offset(80));
        harness.settle_all();
    }
    EXPECT_TRUE(replaced_meanwhile);
}

}  // namespace
}  // namespace millrace::engine
