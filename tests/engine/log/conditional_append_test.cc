// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Appends that expect an offset: who wins, what the others are told, and what a repeated one is.
#include "tests/engine/log/log_harness.h"
#include "tests/engine/log/producer_batches.h"

#include <gtest/gtest.h>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::LogHarness;
using testing::Sent;
using testing::operator+;

// An append that is kept as long as its harness.
struct Expecting : AppendOp {
    Expecting(LogHarness& harness, std::vector<std::byte> batch, std::int64_t expected)
            : bytes(std::move(batch)) {
        batches = bytes;
        expected_offset = Offset(expected);
        done = [](AppendOp& op) noexcept { ++static_cast<Expecting&>(op).acks; };
        admitted = harness.log->append(*this);
    }

    std::vector<std::byte> bytes;
    Result<void> admitted;
    int acks = 0;
};

TEST(ConditionalAppend, IsTakenWhereTheLogEndsAndNowhereElse) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a", 3));
    for (const std::int64_t expected : {0, 2, 4}) {
        Expecting op(harness, batch_of("b"), expected);
        ASSERT_FALSE(op.admitted);
        EXPECT_EQ(op.admitted.error().code, Errc::unexpected_offset);
        EXPECT_EQ(op.end_offset, Offset(3));
        EXPECT_EQ(harness.log->offsets().log_end, Offset(3));
    }
    EXPECT_EQ(harness.wal.entries.size(), 1U);
    Expecting right(harness, batch_of("b", 2) + batch_of("c"), 3);
    ASSERT_TRUE(right.admitted);
    EXPECT_EQ(right.base_offset, Offset(3));
    EXPECT_EQ(right.end_offset, Offset(6));
    harness.wal.flush_all();
    EXPECT_EQ(right.acks, 1);
}

// The end counts what came before, durable or not: two that expect the same never both win.
TEST(ConditionalAppend, OfTwoThatExpectTheSameTheFirstOneWinsInEveryClass) {
    for (const auto durability : {Durability::memory, Durability::written, Durability::synced}) {
        LogHarness harness;
        harness.open({.durability = durability});
        Expecting first(harness, batch_of("a"), 0);
        Expecting second(harness, batch_of("b"), 0);
        EXPECT_TRUE(first.admitted);
        ASSERT_FALSE(second.admitted);
        EXPECT_EQ(second.end_offset, Offset(1));
        Expecting third(harness, batch_of("c"), 1);
        EXPECT_TRUE(third.admitted);
        harness.turn();
        harness.wal.flush_all();
        EXPECT_EQ(first.acks + third.acks, 2);
        EXPECT_EQ(second.acks, 0);
        EXPECT_EQ(harness.log->offsets().visible_end, Offset(2));
    }
}

TEST(ConditionalAppend, SentAgainIsAnsweredWithItsFirstResultWhateverCameSince) {
    LogHarness harness;
    harness.open();
    Expecting first(harness, batch_of(Sent{.sequence = 0}), 0);
    ASSERT_TRUE(first.admitted);
    harness.append(batch_of("other", 4));
    Expecting again(harness, batch_of(Sent{.sequence = 0}), 0);
    ASSERT_TRUE(again.admitted);
    EXPECT_TRUE(again.duplicate);
    EXPECT_EQ(again.base_offset, Offset(0));
    harness.wal.flush_all();
    harness.turn();
    EXPECT_EQ(again.acks, 1);
    EXPECT_EQ(harness.log->offsets().log_end, Offset(5));
}

TEST(ConditionalAppend, ARefusedOneUsesUpNoSequence) {
    LogHarness harness;
    harness.open();
    Expecting refused(harness, batch_of(Sent{.sequence = 0}), 7);
    EXPECT_FALSE(refused.admitted);
    Expecting right(harness, batch_of(Sent{.sequence = 0}), 0);
    ASSERT_TRUE(right.admitted);
    EXPECT_FALSE(right.duplicate);
    harness.wal.flush_all();
}

TEST(ConditionalAppend, LeavesNoEpochBehindWhenItIsRefused) {
    LogHarness harness;
    harness.leader_epoch_min = 3;
    harness.open();
    Expecting refused(harness, batch_of("a"), 1);
    EXPECT_FALSE(refused.admitted);
    EXPECT_TRUE(harness.wal.entries.empty());
}

}  // namespace
}  // namespace millrace::engine
