// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/producer_table.h"

#include "tests/engine/log/producer_batches.h"

#include <gtest/gtest.h>

#include <optional>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::Sent;

constexpr std::int32_t kLastSequence = 2'147'483'647;
constexpr TimestampMs kNow = 1'700'000'000'000;
constexpr TimestampMs kExpiration = 1000;

// Appends what the table takes, at the next offset.
class Partition {
public:
    // What the table says: "next", "duplicate of OFFSET", or the error's name.
    std::string send(const Sent& sent) {
        auto bytes = batch_of(sent);
        const auto checked = table.check(BatchView::trusted(bytes.data()), now);
        if (!checked) return std::string(name_of(checked.error().code));
        if (*checked != nullptr) return "duplicate of " + std::to_string((*checked)->base.value);
        append(bytes);
        return "next";
    }

    void append(std::vector<std::byte> bytes) {
        set_batch_place(bytes.data(), end, 0);
        const auto batch = BatchView::trusted(bytes.data());
        table.appended(batch, now);
        end = batch.next_offset();
        batches.push_back(std::move(bytes));
    }

    void store(std::size_t index) { table.stored(BatchView::trusted(batches.at(index).data())); }

    ProducerTable table{kExpiration};
    TimestampMs now = kNow;
    Offset end;
    std::vector<std::vector<std::byte>> batches;
};

TEST(ProducerTable, TakesBatchesInSequence) {
    Partition partition;
    EXPECT_EQ(partition.send({.sequence = 0, .records = 3}), "next");
    EXPECT_EQ(partition.send({.sequence = 3}), "next");
    EXPECT_EQ(partition.send({.sequence = 4, .records = 2}), "next");
    EXPECT_EQ(partition.end, Offset(6));
}

TEST(ProducerTable, KnowsTheLastFiveBatchesAndNoOther) {
    Partition partition;
    for (std::int32_t i = 0; i < 7; ++i)
        EXPECT_EQ(partition.send({.sequence = i}), "next");
    for (std::int32_t i = 2; i < 7; ++i) {
        EXPECT_EQ(partition.send({.sequence = i}), "duplicate of " + std::to_string(i));
    }
    EXPECT_EQ(partition.send({.sequence = 1}), "duplicate_sequence");
    EXPECT_EQ(partition.send({.sequence = 0}), "duplicate_sequence");
    EXPECT_EQ(partition.send({.sequence = 7}), "next");
}

TEST(ProducerTable, TakesOnlyTheSameRangeForADuplicate) {
    Partition partition;
    EXPECT_EQ(partition.send({.sequence = 0, .records = 3}), "next");
    EXPECT_EQ(partition.send({.sequence = 0, .records = 2}), "duplicate_sequence");
    EXPECT_EQ(partition.send({.sequence = 1, .records = 2}), "duplicate_sequence");
    EXPECT_EQ(partition.send({.sequence = 2, .records = 4}), "duplicate_sequence");
    EXPECT_EQ(partition.send({.sequence = 0, .records = 3}), "duplicate of 0");
}

TEST(ProducerTable, RefusesAGap) {
    Partition partition;
    EXPECT_EQ(partition.send({.sequence = 0}), "next");
    EXPECT_EQ(partition.send({.sequence = 2}), "out_of_order_sequence");
    EXPECT_EQ(partition.send({.sequence = 1}), "next");
    EXPECT_EQ(partition.send({.sequence = 2}), "next");
}

TEST(ProducerTable, GoesOnWithZeroBehindTheLargestSequence) {
    Partition partition;
    EXPECT_EQ(partition.send({.sequence = kLastSequence - 1}), "next");
    EXPECT_EQ(partition.send({.sequence = kLastSequence, .records = 3}), "next");  // Up to 1.
    EXPECT_EQ(partition.send({.sequence = 3}), "out_of_order_sequence");
    EXPECT_EQ(partition.send({.sequence = 2}), "next");
    EXPECT_EQ(partition.send({.sequence = kLastSequence, .records = 3}), "duplicate of 1");
    EXPECT_EQ(partition.send({.sequence = kLastSequence - 2}), "duplicate_sequence");
    EXPECT_EQ(partition.send({.sequence = 3}), "next");
}

TEST(ProducerTable, BeginsANewEpochWithZeroAndRefusesOlderOnes) {
    Partition partition;
    EXPECT_EQ(partition.send({.sequence = 0}), "next");
    EXPECT_EQ(partition.send({.sequence = 1, .epoch = 1}), "out_of_order_sequence");
    EXPECT_EQ(partition.send({.sequence = 0, .epoch = 1}), "next");
    EXPECT_EQ(partition.send({.sequence = 1}), "invalid_producer_epoch");
    EXPECT_EQ(partition.send({.sequence = 0}), "invalid_producer_epoch");
    EXPECT_EQ(partition.send({.sequence = 0, .epoch = 1}), "duplicate of 1");
    EXPECT_EQ(partition.send({.sequence = 1, .epoch = 1}), "next");
}

TEST(ProducerTable, TakesAnySequenceOfAProducerThatIsNotKnown) {
    Partition partition;
    EXPECT_EQ(partition.send({.producer = 1, .sequence = 500}), "next");
    EXPECT_EQ(partition.send({.producer = 2, .sequence = 7, .epoch = 4}), "next");
    EXPECT_EQ(partition.send({.producer = 1, .sequence = 0}), "duplicate_sequence");
}

TEST(ProducerTable, ForgetsProducersThatWereSilentForTheExpiration) {
    Partition partition;
    EXPECT_EQ(partition.send({.producer = 1}), "next");
    partition.now += kExpiration / 2;
    EXPECT_EQ(partition.send({.producer = 2}), "next");
    partition.now += kExpiration / 2 - 1;
    EXPECT_EQ(partition.send({.producer = 1}), "duplicate of 0");
    partition.now += 1;
    EXPECT_EQ(partition.send({.producer = 1, .sequence = 9}), "next");
    EXPECT_EQ(partition.send({.producer = 2}), "duplicate of 1");
    EXPECT_EQ(partition.table.size(), 2U);
}

TEST(ProducerTable, ForgetsTheOneSilentLongestWhenThereAreTooMany) {
    Partition partition;
    for (std::int64_t id = 0; id < static_cast<std::int64_t>(kProducersMax); ++id) {
        ASSERT_EQ(partition.send({.producer = id}), "next");
    }
    EXPECT_EQ(partition.send({.producer = 0, .sequence = 1}), "next");
    EXPECT_EQ(partition.send({.producer = 1'000'000}), "next");
    EXPECT_EQ(partition.table.size(), kProducersMax);
    EXPECT_EQ(partition.send({.producer = 0, .sequence = 1}), "duplicate of 10000");
    EXPECT_EQ(partition.send({.producer = 1, .sequence = 5}), "next");  // Not known any more.
    EXPECT_EQ(partition.send({.producer = 3}), "duplicate of 3");
}

TEST(ProducerTable, SaysInASnapshotWhatIsStoredAndNoMore) {
    Partition partition;
    for (std::int32_t i = 0; i < 8; ++i)
        partition.send({.sequence = 2 * i, .records = 2});
    EXPECT_TRUE(partition.table.snapshot().empty());
    for (std::size_t i = 0; i < 6; ++i)
        partition.store(i);
    const auto rows = partition.table.snapshot();
    ASSERT_EQ(rows.size(), kProducerBatches);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto batch = static_cast<std::int32_t>(i) + 1;
        EXPECT_EQ(rows[i].last_sequence, 2 * batch + 1);
        EXPECT_EQ(rows[i].last_offset, Offset(2 * batch + 1));
        EXPECT_EQ(rows[i].offset_delta, 1);
        EXPECT_EQ(rows[i].timestamp, kNow);
    }
}

TEST(ProducerTable, KnowsTheSameBatchesAfterASnapshotAndReplay) {
    Partition partition;
    for (std::int32_t i = 0; i < 9; ++i) {
        partition.send({.producer = 1, .sequence = i});
        partition.send({.producer = 2, .sequence = i < 4 ? kLastSequence - 3 + i : i - 4});
    }
    for (std::size_t i = 0; i < 14; ++i)
        partition.store(i);
    const auto rows = partition.table.snapshot();
    Partition again;
    again.table.restore(rows, false, kNow);
    EXPECT_EQ(again.send({.producer = 1, .sequence = 8}), "out_of_order_sequence");
    for (std::size_t i = 14; i < partition.batches.size(); ++i) {
        again.table.replay(BatchView::trusted(partition.batches[i].data()), i < 16, kNow);
    }
    partition.store(14);
    partition.store(15);
    EXPECT_EQ(again.table.snapshot(), partition.table.snapshot());
    for (std::int32_t i = 4; i < 9; ++i) {
        EXPECT_EQ(again.send({.producer = 1, .sequence = i}),
                  "duplicate of " + std::to_string(2 * i));
    }
    EXPECT_EQ(again.send({.producer = 1, .sequence = 3}), "duplicate_sequence");
    EXPECT_EQ(again.send({.producer = 1, .sequence = 9}), "next");
}

TEST(ProducerTable, ForgetsWhatExpiredWhileNobodyLooked) {
    Partition partition;
    partition.send({.producer = 1});
    partition.store(0);
    const auto rows = partition.table.snapshot();
    Partition early;
    early.table.restore(rows, false, kNow + kExpiration - 1);
    EXPECT_EQ(early.table.size(), 1U);
    Partition late;
    late.table.restore(rows, false, kNow + kExpiration);
    EXPECT_EQ(late.table.size(), 0U);
}

TEST(ProducerTable, AnswersTheAppendTimeOfTheFirstOne) {
    Partition partition;
    auto bytes = batch_of(Sent{});
    set_batch_append_time(bytes.data(), 1'700'000'000'555);
    partition.append(bytes);
    partition.store(0);
    const auto time_of = [](ProducerTable& table) {
        const auto sent = batch_of(Sent{});
        return (*table.check(BatchView::trusted(sent.data()), kNow))->append_time;
    };
    EXPECT_EQ(time_of(partition.table), 1'700'000'000'555);
    ProducerTable again(kExpiration * 1000);
    again.restore(partition.table.snapshot(), true, kNow + 1000);
    EXPECT_EQ(time_of(again), 1'700'000'000'555);
}

}  // namespace
}  // namespace millrace::engine
