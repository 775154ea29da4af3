// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Verification of logs that are compacted, before, after and meanwhile.
#include "engine/format/record_batch.h"
#include "tests/engine/log/compaction_harness.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace millrace::engine {
namespace {

using testing::CompactionHarness;
using testing::FinishedCompact;
using testing::FinishedVerify;
using testing::keyed_batch;
using testing::kSomeTime;

// Of every four batches three have nothing that lasts.
void fill(CompactionHarness& harness) {
    harness.open(CompactionHarness::config());
    for (int i = 0; i < 40; ++i) {
        const bool lasts = i % 4 == 3;
        harness.append(keyed_batch({{lasts ? fmt::format("only-{}", i) : fmt::format("k{}", i % 5),
                                     std::string(200, 'v')},
                                    {fmt::format("k{}", i % 3), std::string(20, 'v')}}));
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
    harness.compact();  // The second one joins what has become small.
    harness.settle_all();
    harness.rows = harness.checkpoint();
    // The second batch of a segment, with offsets missing in front of it.
    const auto all = harness.batches();
    const auto view = [&all](std::size_t i) { return BatchView::trusted(all[i].data()); };
    const auto& segments = harness.rows.front().segments;
    std::size_t second = 0;
    Offset base;
    Offset end;
    for (std::size_t i = 0, first = 0; i + 1 < segments.size() && second == 0; ++i) {
        base = segments[i].base;
        end = segments[i + 1].base;
        while (view(first).base_offset() < base)
            ++first;
        const bool has_two = view(first + 1).base_offset() < end;
        const bool gap = view(first).next_offset() < view(first + 1).base_offset();
        if (has_two && gap) second = first + 1;
    }
    ASSERT_GT(second, 0U);
    const auto file = fmt::format("topics/orders-3/{:020}.log", base.value);
    const auto place = view(second - 1).size() + kBatchHeaderBytes + 3;
    auto byte = harness.disk.contents(file)[place] ^ std::byte{0x10};
    harness.disk.overwrite(file, place, {&byte, 1});
    FinishedVerify op;
    verify(harness, op);
    ASSERT_EQ(op.damaged.size(), 1U);
    EXPECT_EQ(op.damaged[0].first, view(second - 1).next_offset());
    EXPECT_EQ(op.damaged[0].last, std::min(view(second + 1).base_offset(), end) - 1);
    EXPECT_EQ(op.damaged[0].position, view(second - 1).size());
    EXPECT_NE(op.damaged[0].reason.find("the checksum is"), std::string::npos);
}

TEST(VerifyOfCompacted, LeavesTimesOfRecordsThatAreGoneOutOfTheIndex) {
    CompactionHarness harness;
    harness.open(CompactionHarness::config(4000));
    const ProducerStamp producer{7, 0, 0};
    harness.append_checked(keyed_batch({{"k", "v", kSomeTime + 1000}}, Codec::none, producer));
    for (int i = 0; i < 40; ++i)
        harness.append(keyed_batch(
                {{i % 2 == 0 ? "k" : fmt::format("only-{}", i), std::string(200, 'v')}}));
    harness.rows = harness.only_files();
    harness.compact();
    harness.settle_all();
    const auto batches = harness.batches();
    ASSERT_TRUE(std::ranges::any_of(
            batches, [](const auto& batch) { return BatchView::trusted(batch.data()).emptied(); }));
    FinishedVerify op;
    verify(harness, op);
    EXPECT_TRUE(op.damaged.empty()) << op.damaged.front().reason;
}

// A compaction that joins segments and removes nothing, from any of its moments on.
class VerifyWhileJoined : public ::testing::TestWithParam<std::uint64_t> {
protected:
    // False: the compaction is over by then.
    static bool begin(CompactionHarness& harness, FinishedCompact& compaction, int moment) {
        fill(harness);
        harness.compact();
        harness.settle_all();
        harness.log->compact(compaction);
        int looks = 0;
        while (looks < moment && !compaction.finished) {
            harness.run_until([&] {
                return ++looks >= moment || compaction.finished || harness.logs->wants_round();
            });
            if (harness.logs->wants_round()) harness.rows = harness.checkpoint();
        }
        return !compaction.finished;
    }

    static void finish(CompactionHarness& harness, const bool& finished) {
        while (harness.run_until([&] { return finished || harness.logs->wants_round(); }) &&
               !finished)
            harness.rows = harness.checkpoint();
    }
};

TEST_P(VerifyWhileJoined, GoesOverAllThatIsThereAndAlwaysOn) {
    bool joined_meanwhile = false;
    for (int moment = 0;; ++moment) {
        SCOPED_TRACE(moment);
        CompactionHarness harness;
        FinishedCompact compaction;
        if (!begin(harness, compaction, moment)) break;
        const auto segments = harness.log->segment_count();
        std::uint64_t records = 0;
        Offset from;
        for (bool at_end = false; !at_end;) {
            FinishedVerify op;
            op.from = from;
            op.bytes_max = GetParam();
            harness.log->verify(op);
            finish(harness, op.finished);
            ASSERT_TRUE(op.finished && op.outcome);
            ASSERT_TRUE(op.damaged.empty()) << op.damaged.front().reason;
            ASSERT_TRUE(op.at_end || op.next_offset > from);
            at_end = op.at_end;
            from = op.next_offset;
            records += op.records;
        }
        EXPECT_EQ(from, Offset(80));
        joined_meanwhile |= harness.log->segment_count() < segments;
        EXPECT_GE(records, harness.records().size());
        finish(harness, compaction.finished);
        harness.settle_all();
    }
    EXPECT_TRUE(joined_meanwhile);
}

INSTANTIATE_TEST_SUITE_P(AtOnceAndSegmentBySegment,
                         VerifyWhileJoined,
                         ::testing::Values(UINT64_MAX, 1));

}  // namespace
}  // namespace millrace::engine
