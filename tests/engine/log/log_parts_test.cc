// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The small parts: tail, index, epochs, scan of batches, gates.
#include "engine/log/batch_scan.h"
#include "engine/log/io_gates.h"
#include "engine/log/leader_epochs.h"
#include "engine/log/log_impl.h"
#include "engine/log/segment_index.h"
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::operator+;
using testing::stored;

TEST(LogState, OfAnIdlePartitionTakesLessThanAKilobyte) {
    EXPECT_LT(sizeof(LogImpl) + sizeof(Segment) + 128, 1024U);
}

TEST(LeaderEpochs, EndWhereTheNextBegins) {
    LeaderEpochs epochs;
    EXPECT_EQ(epochs.end_of(0, 0, Offset(0)).epoch, 0);
    epochs.note(0, Offset(0));
    epochs.note(0, Offset(5));
    epochs.note(3, Offset(10));
    epochs.note(5, Offset(20));
    EXPECT_EQ(epochs.end_of(0, 5, Offset(30)).end_offset, Offset(10));
    EXPECT_EQ(epochs.end_of(2, 5, Offset(30)).epoch, 0);
    EXPECT_EQ(epochs.end_of(2, 5, Offset(30)).end_offset, Offset(10));
    EXPECT_EQ(epochs.end_of(4, 5, Offset(30)).epoch, 3);
    EXPECT_EQ(epochs.end_of(5, 5, Offset(30)).end_offset, Offset(30));
    EXPECT_EQ(epochs.end_of(5, 6, Offset(30)).end_offset, Offset(30));
    EXPECT_EQ(epochs.up_to(Offset(10)).size(), 2U);
    EXPECT_EQ(epochs.up_to(Offset(9)).size(), 1U);
}

TEST(LeaderEpochs, ForgetOneInWhichNothingWasWritten) {
    LeaderEpochs epochs;
    epochs.note(1, Offset(5));
    epochs.note(2, Offset(5));
    EXPECT_EQ(epochs.up_to(Offset(5)).size(), 1U);
    EXPECT_EQ(epochs.latest(), 2);
}

TEST(SegmentIndex, AddsNoTimeEntryWhileTheLargestIsNotKnown) {
    SegmentIndex built;
    for (std::uint32_t i = 0; i < 10; ++i)
        built.add({i, 100, i == 3 ? 5000 : 1000 + i}, 150);
    std::vector<std::byte> offsets(built.offsets().size() * kOffsetEntryBytes);
    encode_offset_entries(built.offsets(), offsets.data());
    SegmentIndex adopted;
    adopted.adopt_growing(offsets, {}, 1000);
    ASSERT_FALSE(adopted.offsets().empty());
    const auto covered = adopted.covered_bytes();
    EXPECT_EQ(covered, adopted.offsets().back().position);
    for (auto i = static_cast<std::uint32_t>(covered / 100); i < 20; ++i) {
        adopted.add({i, 100, 1000 + i}, 150);
    }
    EXPECT_TRUE(adopted.times().empty());
    adopted.set_largest({5000, 3});
    adopted.add({20, 100, 6000}, 0);
    ASSERT_EQ(adopted.times().size(), 1U);
    EXPECT_EQ(adopted.times()[0], (TimeEntry{6000, 20}));
}

TEST(SegmentIndex, TakesNoFilesOfASealedSegmentThatCannotBeRight) {
    SegmentIndex built;
    for (std::uint32_t i = 0; i < 10; ++i)
        built.add({i, 100, 1000 + i}, 150);
    built.add_last_time_entry();
    std::vector<std::byte> offsets(built.offsets().size() * kOffsetEntryBytes);
    std::vector<std::byte> times(built.times().size() * kTimeEntryBytes);
    encode_offset_entries(built.offsets(), offsets.data());
    encode_time_entries(built.times(), times.data());
    SegmentIndex index;
    EXPECT_TRUE(index.adopt_sealed(offsets, times, 1000, {1009, 9}));
    EXPECT_FALSE(index.adopt_sealed(offsets, times, 1000, {1010, 9}));
    EXPECT_FALSE(index.adopt_sealed(offsets, {}, 1000, {1009, 9}));
    EXPECT_FALSE(index.adopt_sealed(offsets, times, 500, {1009, 9}));
    EXPECT_FALSE(index.adopt_sealed(Bytes(offsets).first(9), times, 1000, {1009, 9}));
}

TEST(BatchScan, FindsTheRightBatchesAtAnEnd) {
    const auto bytes =
            stored(batch_of("a", 2), 0) + stored(batch_of("bb"), 2) + stored(batch_of("ccc", 3), 3);
    const auto last = batch_of("ccc", 3).size();
    EXPECT_EQ(right_bytes_at_end(bytes, Offset(6), 1), last);
    EXPECT_EQ(right_bytes_at_end(bytes, Offset(6), last + 1), last + batch_of("bb").size());
    EXPECT_EQ(right_bytes_at_end(bytes, Offset(6), 10'000), bytes.size());
    EXPECT_EQ(right_bytes_at_end(Bytes(bytes).subspan(7), Offset(6), 10'000),
              bytes.size() - batch_of("a", 2).size());
    EXPECT_EQ(right_bytes_at_end(bytes, Offset(5), 1), 0U);
}

TEST(BatchScan, SkipsToTheNextRightBatchOrOneThatIsCut) {
    auto bytes = stored(batch_of("a"), 0) + stored(batch_of("b"), 1) + stored(batch_of("c"), 2);
    const auto size = batch_of("a").size();
    const ScanBounds bounds{Offset(0), Offset(3), bytes.size()};
    bytes[batch_at::kMagic] = std::byte{9};
    EXPECT_EQ(bytes_to_skip(bytes, bounds), size);
    bytes[size + 65] ^= std::byte{1};
    EXPECT_EQ(bytes_to_skip(bytes, bounds), 2 * size);
    EXPECT_EQ(bytes_to_skip(Bytes(bytes).first(2 * size + 5), bounds), 2 * size - 55);
    bytes[2 * size + 65] ^= std::byte{1};
    EXPECT_EQ(bytes_to_skip(bytes, bounds), bytes.size());
}

TEST(IoGate, LetsThoseWhoWaitGoInOrderAndEachOncePerRoom) {
    struct Waiting {
        IoGate* gate;
        GateWaiter waiter;
        std::uint64_t units;
        int taken = 0;
        int tried = 0;

        Waiting(IoGate& of, std::uint64_t wants) : gate(&of), units(wants) {
            waiter.owner = this;
            waiter.ready = [](GateWaiter& ready) noexcept {
                auto& self = *static_cast<Waiting*>(ready.owner);
                ++self.tried;
                if (self.gate->take(self.units, ready)) ++self.taken;
            };
        }
    };

    IoGate gate(4);
    Waiting first(gate, 3);
    Waiting large(gate, 3);
    Waiting last(gate, 1);
    ASSERT_TRUE(gate.take(4, first.waiter));
    EXPECT_FALSE(gate.take(3, large.waiter));
    EXPECT_FALSE(gate.take(1, last.waiter));
    gate.give_back(2);
    EXPECT_EQ(large.taken, 0);
    EXPECT_EQ(last.taken, 1);
    EXPECT_EQ(large.tried, 1);
    gate.give_back(2);
    EXPECT_EQ(large.taken, 1);
    gate.give_back(4);
    EXPECT_TRUE(gate.take(100, first.waiter));  // More than the limit, alone.
}

}  // namespace
}  // namespace millrace::engine
