// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/record_batch.h"
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::LogHarness;
using testing::SimOperation;
using testing::stored;

const std::string kFirstLog = "topics/orders-3/00000000000000000000.log";

class Damage : public ::testing::Test {
protected:
    static constexpr std::int64_t kBatches = 60;

    // One segment of batches of the same size, two records each, nothing of it in memory.
    void fill(std::size_t value_bytes = 1500) {
        value_ = std::string(value_bytes, 'v');
        harness_.open({.index_interval_bytes = 8000});
        for (std::int64_t i = 0; i < kBatches; ++i)
            harness_.append(batch_of(value_, 2));
        rows_ = harness_.only_files();
        size_ = batch_of(value_, 2).size();
    }

    // Every batch but those in [first, last] can be read, alone and in a run; those cannot.
    void expect_damaged(std::int64_t first, std::int64_t last) {
        for (std::int64_t i = 0; i < kBatches; ++i) {
            const auto one = harness_.read(i * 2 + 1, 1);
            if (i >= first && i <= last) {
                ASSERT_FALSE(one.outcome.has_value()) << i;
                EXPECT_EQ(one.outcome.error().code, Errc::damaged_range) << i;
                EXPECT_TRUE(one.slices.empty());
            } else {
                ASSERT_TRUE(one.outcome.has_value()) << i;
                EXPECT_EQ(one.bytes_read(), stored(batch_of(value_, 2), i * 2)) << i;
            }
        }
        if (first > 0) {
            EXPECT_EQ(harness_.read((first - 1) * 2).next_offset, Offset(first * 2));
        }
        EXPECT_EQ(harness_.failure, std::nullopt);
    }

    void flip(std::uint64_t position) {
        auto bytes = harness_.disk.contents(kFirstLog);
        auto byte = bytes[position] ^ std::byte{0x40};
        harness_.disk.overwrite(kFirstLog, position, {&byte, 1});
    }

    LogHarness harness_;
    std::vector<PartitionRow> rows_;
    std::string value_;
    std::uint64_t size_ = 0;
};

TEST_F(Damage, OfRecordsIsThatBatchOnly) {
    fill();
    flip(20 * size_ + 200);
    expect_damaged(20, 20);
}

TEST_F(Damage, OfALengthIsThatBatchOnly) {
    fill();
    flip(20 * size_ + batch_at::kBatchLength + 2);
    expect_damaged(20, 20);
}

TEST_F(Damage, OfABaseOffsetIsThatBatchOnly) {
    fill();
    flip(20 * size_ + batch_at::kBaseOffset + 7);
    expect_damaged(20, 20);
}

TEST_F(Damage, OfTheFirstAndLastBatchIsTheirsOnly) {
    fill();
    flip(10);
    flip(1);
    expect_damaged(0, 0);
    flip((kBatches - 1) * size_ + batch_at::kMagic);
    EXPECT_EQ(harness_.read(kBatches * 2 - 1).outcome.error().code, Errc::damaged_range);
    EXPECT_TRUE(harness_.read(kBatches * 2 - 3).outcome.has_value());
}

TEST_F(Damage, OfTheBatchThatTheIndexNamesIsThatBatchOnly) {
    fill();
    for (std::uint64_t i = 6; i < 12; ++i)
        flip(i * size_ + 100);
    expect_damaged(6, 11);
}

TEST_F(Damage, OfABlockThatCannotBeReadIsTheBatchesInItOnly) {
    fill();
    harness_.disk.make_unreadable(kFirstLog, 8 * 4096, 4096);
    expect_damaged(static_cast<std::int64_t>(8 * 4096 / size_),
                   static_cast<std::int64_t>((9 * 4096 - 1) / size_));
}

TEST_F(Damage, OfAStretchOfZerosIsTheBatchesInItOnly) {
    fill();
    const std::vector<std::byte> zeros(3 * size_);
    harness_.disk.overwrite(kFirstLog, 30 * size_ + 5, zeros);
    expect_damaged(30, 32);
}

TEST_F(Damage, StaysKnownAfterARestartWithoutAnIndex) {
    fill();
    flip(25 * size_ + 300);
    harness_.restart(rows_, true);
    expect_damaged(25, 25);
}

TEST_F(Damage, OfTheWholeFileIsDamageAndNoFailure) {
    fill();
    harness_.disk.remove(kFirstLog);
    harness_.restart(rows_, true);
    expect_damaged(0, kBatches - 1);
}

TEST_F(Damage, OfTheLastBlockIsKeptWhenTheLogGoesOn) {
    fill();
    flip((kBatches - 1) * size_ + 700);
    harness_.restart(rows_, true);
    harness_.append(batch_of("after"));
    harness_.only_files();
    EXPECT_EQ(harness_.read(kBatches * 2 - 2).outcome.error().code, Errc::damaged_range);
    EXPECT_EQ(harness_.read(kBatches * 2).bytes_read(), stored(batch_of("after"), kBatches * 2, 1));
    EXPECT_NE(harness_.events.text().find("log.last_block_damaged"), std::string::npos);
}

TEST_F(Damage, OfTheIdentityOfAFolderWithDataIsFinalAndSaysWhatCouldNotBeRead) {
    fill();
    harness_.restart(rows_, true);
    harness_.append(batch_of("after"));
    harness_.disk.set_fault({.error = EIO, .kind = FileOpKind::read});
    harness_.wal.live = 900;
    harness_.settle();
    EXPECT_EQ(harness_.failure, (Error{Errc::foreign_directory, 0}));
    EXPECT_EQ(harness_.events.text(),
              "log.foreign_folder: partition.metadata of a partition with data is not readable "
              "folder=topics/orders-3 errno=5\n");
}

TEST_F(Damage, OfTheLastBlockIsNotMadeByAReadThatFailsForAWhile) {
    fill();
    harness_.restart(rows_, true);
    harness_.append(batch_of("after"));
    const auto runs = harness_.counters.runs;
    harness_.disk.set_observer([this](const SimOperation& operation) {
        if (operation.kind != FileOpKind::read || operation.path != kFirstLog) return;
        harness_.disk.set_fault({.and_all_after = true, .error = EIO, .kind = FileOpKind::read});
    });
    harness_.wal.live = 900;
    harness_.settle();
    EXPECT_TRUE(harness_.disk.fault_hit());
    harness_.disk.set_observer({});
    harness_.disk.clear_fault();
    EXPECT_TRUE(harness_.run_until([&] { return harness_.counters.runs == runs + 1; }));
    EXPECT_TRUE(harness_.read(kBatches * 2 - 2).outcome);
    EXPECT_EQ(harness_.events.text().find("log.last_block_damaged"), std::string::npos);
}

TEST_F(Damage, OfALastBlockThatStaysUnreadableDoesNotHoldTheLogUp) {
    fill();
    harness_.disk.make_unreadable(kFirstLog, kBatches * size_ / 4096 * 4096, 4096);
    harness_.restart(rows_, true);
    harness_.append(batch_of("after"));
    const auto runs = harness_.counters.runs;
    harness_.wal.live = 900;
    EXPECT_TRUE(harness_.run_until([&] { return harness_.counters.runs == runs + 1; }));
    EXPECT_NE(harness_.events.text().find("log.last_block_damaged"), std::string::npos);
    EXPECT_EQ(harness_.read(kBatches * 2).bytes_read(), stored(batch_of("after"), kBatches * 2, 1));
}

}  // namespace
}  // namespace millrace::engine
