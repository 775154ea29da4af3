// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/format/batch_builder.h"
#include "engine/format/record_batch.h"
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::LogHarness;
using testing::operator+;
using testing::stored;

struct HeardListener : LogListener {
    void visible_end_moved(Offset visible_end) noexcept override {
        heard.push_back(visible_end.value);
    }

    std::vector<std::int64_t> heard;
};

// Nothing of a refused append is left: no entry, no offset, no byte.
void expect_untouched(LogHarness& harness, std::int64_t end, std::size_t entries) {
    EXPECT_EQ(harness.log->offsets().log_end, Offset(end));
    EXPECT_EQ(harness.wal.entries.size(), entries);
    EXPECT_EQ(harness.wal.unflushed(), entries);
    EXPECT_TRUE(harness.read(end).slices.empty());
}

TEST(LogAppend, GivesBatchesTheNextOffsetsAndTheEpoch) {
    LogHarness harness;
    harness.open();
    EXPECT_EQ(harness.append(batch_of("a", 3)), 0);
    EXPECT_EQ(harness.append(batch_of("b", 2)), 3);
    EXPECT_EQ(harness.log->offsets().log_end, Offset(5));
    EXPECT_EQ(harness.read(0).bytes_read(),
              stored(batch_of("a", 3), 0) + stored(batch_of("b", 2), 3));
}

TEST(LogAppend, LeavesTheCallersBytesAlone) {
    LogHarness harness;
    harness.open();
    const auto batch = batch_of("a");
    harness.append(batch);
    auto& op = harness.begin_append(batch);
    EXPECT_EQ(op.bytes, batch);
}

TEST(LogAppend, AcknowledgesWhenTheClassIsReachedAndNotBefore) {
    LogHarness harness;
    harness.open({.durability = Durability::memory});
    auto& memory = harness.begin_append(batch_of("m"), Durability::memory);
    auto& written = harness.begin_append(batch_of("w"), Durability::written);
    auto& synced = harness.begin_append(batch_of("s"), Durability::synced);
    EXPECT_EQ(memory.acks, 0U);  // Never inside the call.
    harness.turn();
    EXPECT_EQ(memory.acks, 1U);
    EXPECT_EQ(written.acks, 0U);
    harness.wal.write_all();
    EXPECT_EQ(written.acks, 1U);
    EXPECT_EQ(synced.acks, 0U);
    harness.wal.flush_all();
    EXPECT_EQ(synced.acks, 1U);
    EXPECT_TRUE(synced.outcome.has_value());
    EXPECT_EQ(memory.acks + written.acks, 2U);
    EXPECT_FALSE(harness.wal.entries[0].synced);
    EXPECT_FALSE(harness.wal.entries[1].synced);
    EXPECT_TRUE(harness.wal.entries[2].synced);
}

TEST(LogAppend, WaitsForTheTopicsClassWhenTheRequestAsksForLess) {
    LogHarness harness;
    harness.open({.durability = Durability::synced});
    auto& op = harness.begin_append(batch_of("m"), Durability::memory);
    harness.turn();
    harness.wal.write_all();
    EXPECT_EQ(op.acks, 0U);
    harness.wal.flush_all();
    EXPECT_EQ(op.acks, 1U);
}

TEST(LogAppend, ShowsReadersWhatHasReachedTheTopicsClass) {
    for (const auto durability : {Durability::memory, Durability::written, Durability::synced}) {
        LogHarness harness;
        harness.open({.durability = durability});
        HeardListener listener;
        harness.log->set_listener(&listener);
        harness.begin_append(batch_of("x", 2));
        EXPECT_EQ(harness.log->offsets().visible_end, Offset(0));
        harness.turn();
        EXPECT_EQ(listener.heard.size(), durability == Durability::memory ? 1U : 0U);
        harness.wal.write_all();
        EXPECT_EQ(listener.heard.size(), durability <= Durability::written ? 1U : 0U);
        harness.wal.flush_all();
        EXPECT_EQ(listener.heard, std::vector<std::int64_t>{2});
        EXPECT_EQ(harness.log->offsets().visible_end, Offset(2));
        harness.log->set_listener(nullptr);
    }
}

TEST(LogAppend, NeverHidesWhatReadersHaveSeen) {
    LogHarness harness;
    harness.open({.durability = Durability::memory});
    harness.begin_append(batch_of("x"));
    harness.turn();
    harness.log->set_config({.durability = Durability::synced});
    harness.turn();
    EXPECT_EQ(harness.log->offsets().visible_end, Offset(1));
}

TEST(LogAppend, RefusesADamagedBatchAndLeavesNothing) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("good"));
    auto bad = batch_of("bad");
    bad.back() ^= std::byte{1};
    auto& op = harness.begin_append(bad);
    EXPECT_EQ(op.admitted.error().code, Errc::corrupt_batch);
    EXPECT_EQ(harness.wal.taken_back, 1U);
    expect_untouched(harness, 1, 1);
    EXPECT_EQ(harness.append(batch_of("next")), 1);
    EXPECT_EQ(op.acks, 0U);
}

TEST(LogAppend, RefusesAllBatchesWhenOneIsBad) {
    LogHarness harness;
    harness.open();
    auto bad = batch_of("third");
    bad.back() ^= std::byte{1};
    auto& op = harness.begin_append(batch_of("first") + batch_of("second") + bad);
    EXPECT_EQ(op.admitted.error().code, Errc::corrupt_batch);
    expect_untouched(harness, 0, 0);
    EXPECT_EQ(harness.log->segment_count(), 0U);
    EXPECT_EQ(harness.log->size_bytes(), 0U);
}

TEST(LogAppend, PutsSeveralBatchesIntoOneEntry) {
    LogHarness harness;
    harness.open();
    auto& op = harness.begin_append(batch_of("a", 2) + batch_of("b") + batch_of("c", 3));
    ASSERT_TRUE(op.admitted.has_value());
    EXPECT_EQ(op.end_offset, Offset(6));
    ASSERT_EQ(harness.wal.entries.size(), 1U);
    harness.wal.flush_all();
    EXPECT_EQ(op.acks, 1U);
    EXPECT_EQ(harness.read(2).bytes_read(), stored(batch_of("b"), 2) + stored(batch_of("c", 3), 3));
}

TEST(LogAppend, RefusesABatchFromItsFirstByteOverTheLimit) {
    LogHarness harness;
    const auto batch = batch_of("0123456789");
    harness.open({.message_bytes_max = static_cast<std::uint32_t>(batch.size())});
    EXPECT_EQ(harness.append(batch), 0);
    const auto& op = harness.begin_append(batch_of("0123456789+"));
    EXPECT_EQ(op.admitted.error().code, Errc::batch_too_large);
    // The limit is of one batch, not of an append.
    EXPECT_TRUE(harness.begin_append(batch + batch).admitted.has_value());
}

TEST(LogAppend, RefusesTimesTooFarInTheFuture) {
    LogHarness harness;
    harness.open({.timestamp_after_max_ms = 1000});
    const auto now = harness.clock.wall_now();
    EXPECT_TRUE(harness.begin_append(batch_of("a", 1, now + 1000)).admitted.has_value());
    const auto& op = harness.begin_append(batch_of("a", 1, now + 1001));
    EXPECT_EQ(op.admitted.error().code, Errc::invalid_timestamp);
}

TEST(LogAppend, RefusesTimesTooFarInThePast) {
    LogHarness harness;
    harness.open({.timestamp_before_max_ms = 1000});
    const auto now = harness.clock.wall_now();
    EXPECT_TRUE(harness.begin_append(batch_of("a", 1, now - 1000)).admitted.has_value());
    const auto& op = harness.begin_append(batch_of("a", 1, now - 1001));
    EXPECT_EQ(op.admitted.error().code, Errc::invalid_timestamp);
    // One without a time is not old.
    EXPECT_TRUE(harness.begin_append(batch_of("a", 1, -1)).admitted.has_value());
    // The bound is that of the moment.
    harness.log->set_config({.timestamp_before_max_ms = 2000});
    EXPECT_TRUE(harness.begin_append(batch_of("a", 1, now - 1001)).admitted.has_value());
    harness.clock.advance(std::chrono::seconds(1));
    EXPECT_FALSE(harness.begin_append(batch_of("a", 1, now - 1001)).admitted.has_value());
    harness.log->set_config({.log_append_time = true, .timestamp_before_max_ms = 0});
    EXPECT_TRUE(harness.begin_append(batch_of("a", 1, 5)).admitted.has_value());
}

// The oldest record counts, wherever it stands in its batch.
TEST(LogAppend, NamesTheRecordWhoseTimeIsNotTakenAndTheBound) {
    LogHarness harness;
    harness.open({.timestamp_after_max_ms = 500, .timestamp_before_max_ms = 1000});
    const auto now = harness.clock.wall_now();
    const auto times = [](const std::vector<TimestampMs>& timestamps, Codec codec = Codec::none) {
        BatchBuilder builder;
        for (const auto timestamp : timestamps)
            builder.append({.timestamp = timestamp, .key = {}, .value = Bytes(), .headers = {}});
        const auto batch = builder.finish(codec);
        return std::vector<std::byte>(batch->begin(), batch->end());
    };
    const auto fault = [&](const std::vector<std::byte>& batches) {
        const auto& op = harness.begin_append(batches);
        EXPECT_EQ(op.admitted.error().code, Errc::invalid_timestamp);
        return op.timestamp_fault.value_or(TimestampFault{-1});
    };
    EXPECT_EQ(fault(times({now, now - 5, now - 1001, now})),
              (TimestampFault{2, now - 1001, now - 1000}));
    EXPECT_EQ(fault(times({now, now}) + times({now, now + 501})),
              (TimestampFault{3, now + 501, now + 500}));
    EXPECT_EQ(fault(times({now, -7})), (TimestampFault{1, -7, -1}));
    EXPECT_EQ(fault(times({now}) + times({now - 2000, now}, Codec::zstd)),
              (TimestampFault{1, now - 2000, now - 1000, true}));
    EXPECT_FALSE(harness.begin_append(times({now - 3})).timestamp_fault);
}

TEST(LogAppend, TakesAnyTimeWhereNoneIsTooFar) {
    LogHarness harness;
    harness.open({.timestamp_after_max_ms = INT64_MAX});
    const auto now = harness.clock.wall_now();
    EXPECT_TRUE(harness.begin_append(batch_of("a", 1, now)).admitted.has_value());
    EXPECT_TRUE(harness.begin_append(batch_of("a", 1, INT64_MAX)).admitted.has_value());
}

TEST(LogAppend, CorrectsALargestTimestampThatIsWrong) {
    LogHarness harness;
    harness.open();
    auto wrong = batch_of("a", 1, 1'000);
    set_batch_max_timestamp(wrong.data(), 999);
    harness.append(wrong);
    const auto read = harness.read(0).bytes_read();
    EXPECT_EQ(BatchView::trusted(read.data()).max_timestamp(), 1'000);
    EXPECT_TRUE(BatchView::trusted(read.data()).crc_is_right());
}

TEST(LogAppend, StampsTheAppendTimeAndNeverGoesBack) {
    LogHarness harness;
    harness.open({.log_append_time = true});
    const auto now = harness.clock.wall_now();
    auto& first = harness.begin_append(batch_of("a", 1, 5));
    harness.clock.set_wall(now - 10'000);
    auto& second = harness.begin_append(batch_of("b", 1, 6));
    EXPECT_EQ(first.append_time, now);
    EXPECT_EQ(second.append_time, now);
    const auto read = harness.read(1).bytes_read();
    const auto batch = BatchView::trusted(read.data());
    EXPECT_TRUE(batch.log_append_time());
    EXPECT_EQ(batch.max_timestamp(), now);
    EXPECT_TRUE(batch.crc_is_right());
}

TEST(LogAppend, PassesOnThatThereIsNoRoom) {
    LogHarness harness;
    harness.open();
    for (const auto error : {Errc::no_room, Errc::storage_full}) {
        harness.wal.refuse = error;
        EXPECT_EQ(harness.begin_append(batch_of("a")).admitted.error().code, error);
    }
    expect_untouched(harness, 0, 0);
}

TEST(LogAppend, EndsWhatWaitsAndRefusesWhatComesOnceTheLogsHaveFailed) {
    LogHarness harness;
    harness.open();
    auto& waiting = harness.begin_append(batch_of("a"), Durability::synced);
    harness.logs->fail({Errc::io_failed, 5});
    EXPECT_EQ(waiting.acks, 1U);
    EXPECT_EQ(waiting.outcome.error(), (Error{Errc::io_failed, 5}));
    EXPECT_EQ(harness.begin_append(batch_of("b")).admitted.error().code, Errc::shutting_down);
    harness.wal.flush_all();
    EXPECT_EQ(waiting.acks, 1U);
}

}  // namespace
}  // namespace millrace::engine
