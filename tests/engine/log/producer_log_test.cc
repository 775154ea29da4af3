// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Idempotent producers of a log: what is answered when, and what is known again after restarts.
#include "engine/format/producer_snapshot.h"
#include "engine/units.h"
#include "tests/engine/log/log_harness.h"
#include "tests/engine/log/producer_batches.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace millrace::engine {
namespace {

using testing::AckedAppend;
using testing::batch_of;
using testing::LogHarness;
using testing::Sent;
using testing::operator+;

struct Woken : LogWaiter {
    Woken() {
        ready = [](LogWaiter& waiter) noexcept { ++static_cast<Woken&>(waiter).times; };
    }

    int times = 0;
};

// Appends, and waits for what is on disk of the producers if it must.
AckedAppend& begin(LogHarness& harness, const Sent& sent) {
    auto& op = harness.begin_append(batch_of(sent));
    if (op.admitted || op.admitted.error().code != Errc::producers_unread) return op;
    Woken woken;
    harness.log->wait_for_producers(woken);
    EXPECT_EQ(woken.times, 0);
    EXPECT_TRUE(harness.run_until([&] { return woken.times == 1; }));
    return harness.begin_append(batch_of(sent));
}

// "OFFSET", "duplicate of OFFSET", or the error's name.
std::string send(LogHarness& harness, const Sent& sent) {
    auto& op = begin(harness, sent);
    if (!op.admitted) return std::string(name_of(op.admitted.error().code));
    harness.wal.flush_all();
    harness.turn();
    EXPECT_EQ(op.acks, 1U);
    return (op.duplicate ? "duplicate of " : "") + std::to_string(op.base_offset.value);
}

void send_many(LogHarness& harness, std::int32_t from, std::int32_t to, std::string_view value) {
    for (auto i = from; i < to; ++i) {
        ASSERT_EQ(send(harness, {.sequence = i, .value = value}), std::to_string(i));
    }
}

// Of a producer whose batches have one record each, from offset 0 on.
void expect_last_five_known(LogHarness& harness, std::int32_t end) {
    for (auto i = std::max(end - 5, 0); i < end; ++i) {
        EXPECT_EQ(send(harness, {.sequence = i}), "duplicate of " + std::to_string(i));
    }
    if (end > 5) {
        EXPECT_EQ(send(harness, {.sequence = end - 6}), "duplicate_sequence");
    }
    EXPECT_EQ(send(harness, {.sequence = end + 1}), "out_of_order_sequence");
    EXPECT_EQ(send(harness, {.sequence = end}), std::to_string(end));
}

std::vector<std::string> snapshots(const LogHarness& harness) {
    auto names = harness.folder();
    std::erase_if(names, [](const auto& name) { return !name.ends_with(".snapshot"); });
    return names;
}

std::string snapshot_name(std::int64_t offset) {
    return fmt::format("{:020}.snapshot", offset);
}

int times_said(const LogHarness& harness, std::string_view event) {
    const auto text = harness.events.text();
    int times = 0;
    for (auto at = text.find(event); at != std::string::npos; at = text.find(event, at + 1))
        ++times;
    return times;
}

TEST(ProducerLog, AppendsADuplicateOnce) {
    LogHarness harness;
    harness.open();
    EXPECT_EQ(send(harness, {.sequence = 0, .records = 3}), "0");
    EXPECT_EQ(send(harness, {.sequence = 0, .records = 3}), "duplicate of 0");
    EXPECT_EQ(send(harness, {.sequence = 3}), "3");
    EXPECT_EQ(harness.log->offsets().log_end, Offset(4));
    EXPECT_EQ(harness.wal.entries.size(), 2U);
    EXPECT_EQ(harness.counters.appends, 2U);
}

TEST(ProducerLog, AnswersADuplicateWhenTheFirstOnesMarkIsReachedAndNotBefore) {
    LogHarness harness;
    harness.open({.durability = Durability::memory});
    const auto batch = batch_of(Sent{});
    auto& first = harness.begin_append(batch, Durability::synced);
    auto& synced = harness.begin_append(batch, Durability::synced);
    auto& written = harness.begin_append(batch, Durability::written);
    auto& memory = harness.begin_append(batch, Durability::memory);
    EXPECT_EQ(memory.acks, 0U);  // Never inside the call.
    harness.turn();
    EXPECT_EQ(memory.acks, 1U);
    EXPECT_EQ(written.acks + synced.acks + first.acks, 0U);
    harness.wal.write_all();
    harness.turn();
    EXPECT_EQ(written.acks, 1U);
    EXPECT_EQ(synced.acks + first.acks, 0U);
    harness.wal.flush_all();
    EXPECT_EQ(first.acks, 1U);
    EXPECT_EQ(synced.acks, 1U);
    auto& later = harness.begin_append(batch, Durability::synced);
    EXPECT_EQ(later.acks, 0U);
    harness.turn();
    EXPECT_EQ(later.acks, 1U);
    EXPECT_EQ(later.end_offset, Offset(1));
    EXPECT_EQ(written.acks + memory.acks + synced.acks + first.acks, 4U);
}

TEST(ProducerLog, FailsDuplicatesThatWaitWithTheLog) {
    LogHarness harness;
    harness.open();
    const auto batch = batch_of(Sent{});
    harness.begin_append(batch);
    auto& waiting = harness.begin_append(batch);
    harness.logs->fail({Errc::io_failed, 5});
    EXPECT_EQ(waiting.acks, 1U);
    EXPECT_FALSE(waiting.outcome.has_value());
}

TEST(ProducerLog, SaysNothingOfTheSequenceOfABatchThatIsNotRight) {
    LogHarness harness;
    harness.open();
    EXPECT_EQ(send(harness, {}), "0");
    for (const auto sequence : {0, 7}) {
        auto damaged = batch_of(Sent{.sequence = sequence});
        damaged.back() ^= std::byte{1};
        auto& op = harness.begin_append(damaged);
        ASSERT_FALSE(op.admitted.has_value());
        EXPECT_EQ(op.admitted.error().code, Errc::corrupt_batch);
    }
}

TEST(ProducerLog, TakesABatchOfAProducerOnlyAlone) {
    LogHarness harness;
    harness.open();
    const auto plain = testing::batch_of("plain");
    for (const auto& batches : {batch_of(Sent{}) + batch_of(Sent{.sequence = 1}),
                                batch_of(Sent{}) + plain,
                                plain + batch_of(Sent{})}) {
        auto& op = harness.begin_append(batches);
        ASSERT_FALSE(op.admitted.has_value());
        EXPECT_EQ(op.admitted.error().code, Errc::unsupported_batch);
    }
    EXPECT_EQ(send(harness, {}), "0");
}

TEST(ProducerLog, ARefusedAppendDoesNotCount) {
    LogHarness harness;
    harness.open();
    EXPECT_EQ(send(harness, {}), "0");
    harness.wal.refuse = Errc::no_room;
    EXPECT_EQ(send(harness, {.sequence = 1}), "no_room");
    EXPECT_EQ(send(harness, {.sequence = 1, .timestamp = -5}), "invalid_timestamp");
    EXPECT_EQ(send(harness, {.sequence = 1}), "1");
}

TEST(ProducerLog, KnowsTheLastFiveFromTheWriteAheadLogAlone) {
    LogHarness harness;
    harness.open();
    send_many(harness, 0, 8, "v");
    harness.restart({});
    EXPECT_EQ(harness.begin_append(batch_of(Sent{.sequence = 8})).admitted.error().code,
              Errc::producers_unread);
    expect_last_five_known(harness, 8);
}

TEST(ProducerLog, KnowsTheLastFiveWhenSegmentsHoldThemAndNoSnapshotDoes) {
    LogHarness harness;
    harness.open();
    harness.append(testing::batch_of("plain"));  // Offset 0.
    for (std::int32_t i = 0; i < 8; ++i)
        send(harness, {.sequence = i});
    const auto rows = harness.only_files();
    EXPECT_EQ(rows.at(0).producer_snapshot, Offset(-3));  // None below offset 1.
    EXPECT_TRUE(snapshots(harness).empty());
    harness.restart(rows);
    EXPECT_EQ(send(harness, {.sequence = 3}), "duplicate of 4");
    EXPECT_EQ(send(harness, {.sequence = 7}), "duplicate of 8");
    EXPECT_EQ(send(harness, {.sequence = 2}), "duplicate_sequence");
    EXPECT_EQ(send(harness, {.sequence = 8}), "9");
}

TEST(ProducerLog, KnowsTheLastFiveAcrossFilesAndWriteAheadLog) {
    for (const std::int32_t stored : {1, 3, 6, 8}) {
        LogHarness harness;
        harness.open();
        send_many(harness, 0, stored, "v");
        harness.store_all();
        const auto rows = harness.checkpoint();
        send_many(harness, stored, 9, "v");
        harness.restart(rows);
        expect_last_five_known(harness, 9);
    }
}

TEST(ProducerLog, WritesASnapshotAtEveryRollAndKnowsTheLastFiveByIt) {
    LogHarness harness;
    harness.open({.segment_bytes = 4096});
    const std::string value(900, 'x');
    send_many(harness, 0, 21, value);
    const auto rows = harness.only_files();
    EXPECT_EQ(snapshots(harness),
              (std::vector{snapshot_name(4),
                           snapshot_name(8),
                           snapshot_name(12),
                           snapshot_name(16),
                           snapshot_name(20)}));
    EXPECT_EQ(rows.at(0).producer_snapshot, Offset(20));
    const auto file = decode_producer_snapshot(harness.file(snapshot_name(8)), Offset(8));
    ASSERT_TRUE(file.has_value());
    ASSERT_EQ(file->size(), 5U);
    EXPECT_EQ(file->front().last_sequence, 3);
    EXPECT_EQ(file->back().last_offset, Offset(7));
    harness.restart(rows);
    expect_last_five_known(harness, 21);
}

TEST(ProducerLog, KnowsAProducerThatWasSilentForManySegments) {
    LogHarness harness;
    harness.open({.segment_bytes = 4096});
    send_many(harness, 0, 7, "v");
    const std::string value(900, 'x');
    for (std::int32_t i = 0; i < 40; ++i)
        send(harness, {.producer = 2, .sequence = i, .value = value});
    const auto rows = harness.only_files();
    harness.restart(rows);
    for (std::int32_t i = 2; i < 7; ++i) {
        EXPECT_EQ(send(harness, {.sequence = i}), "duplicate of " + std::to_string(i));
    }
    EXPECT_EQ(send(harness, {.sequence = 7}), "47");
}

TEST(ProducerLog, WritesASnapshotEverySixteenMebibytesAndRemovesOlderOnes) {
    LogHarness harness({.run_bytes = 1 * kMiB});
    harness.open();
    const std::string value(1'000'000, 'x');
    std::vector<PartitionRow> rows;
    for (std::int32_t i = 0; i < 60; ++i) {
        ASSERT_EQ(send(harness, {.sequence = i, .value = value}), std::to_string(i));
        harness.store_all();
        if (i % 10 == 9) {
            rows = harness.checkpoint();
            harness.recycle();
        }
    }
    // The newest, and the one that the last checkpoint may name.
    EXPECT_LE(snapshots(harness).size(), 2U);
    const auto named = rows.at(0).producer_snapshot;
    EXPECT_GE(named, Offset(34));
    EXPECT_TRUE(harness.disk.exists("topics/orders-3/" + snapshot_name(named.value)));
    harness.restart(rows);
    const auto read_before = harness.counters.cold_read_bytes;
    expect_last_five_known(harness, 60);
    // The stretch itself, a run, and the index of the segment up to there.
    EXPECT_LE(harness.counters.cold_read_bytes - read_before, 20 * kMiB);
}

TEST(ProducerLog, WritesASnapshotAtACleanStop) {
    LogHarness harness;
    harness.open();
    send_many(harness, 0, 7, "v");
    ASSERT_TRUE(harness.flush_all().has_value());
    const auto rows = harness.checkpoint();
    EXPECT_EQ(rows.at(0).producer_snapshot, Offset(7));
    EXPECT_EQ(snapshots(harness), std::vector{snapshot_name(7)});
    harness.restart(rows, false);
    expect_last_five_known(harness, 7);
}

TEST(ProducerLog, FallsBackToOlderSnapshotsWhenOneIsDamagedOrGone) {
    for (const int damaged : {1, 3, 5}) {
        LogHarness harness;
        harness.open({.segment_bytes = 4096});
        const std::string value(900, 'x');
        send_many(harness, 0, 21, value);
        const auto rows = harness.only_files();
        for (int i = 0; i < damaged; ++i) {
            const auto path = "topics/orders-3/" + snapshot_name(20 - 4 * i);
            if (i % 2 == 0) {
                harness.disk.overwrite(path, 7, std::vector<std::byte>(3, std::byte{0xee}));
            } else {
                harness.disk.remove(path);
            }
        }
        harness.restart(rows);
        EXPECT_EQ(times_said(harness, "producers.no_snapshot"), 0);
        expect_last_five_known(harness, 21);
        EXPECT_EQ(times_said(harness, "producers.no_snapshot"), 1);
    }
}

TEST(ProducerLog, RemovesSnapshotsThatNoCheckpointNames) {
    LogHarness harness;
    harness.open({.segment_bytes = 4096});
    const std::string value(900, 'x');
    send_many(harness, 0, 9, value);
    harness.store_all();
    const auto rows = harness.checkpoint();
    send_many(harness, 9, 14, value);
    harness.store_all();
    EXPECT_EQ(snapshots(harness).size(), 3U);
    harness.restart(rows);
    EXPECT_EQ(send(harness, {.sequence = 14, .value = value}), "14");
    harness.store_all();
    EXPECT_EQ(snapshots(harness),
              (std::vector{snapshot_name(4), snapshot_name(8), snapshot_name(12)}));
    expect_last_five_known(harness, 15);
}

TEST(ProducerLog, NamesNothingForALogWithoutProducers) {
    LogHarness harness;
    harness.open({.segment_bytes = 4096});
    for (int i = 0; i < 20; ++i)
        harness.append(testing::batch_of(std::string(900, 'x')));
    ASSERT_TRUE(harness.flush_all().has_value());
    EXPECT_EQ(harness.checkpoint().at(0).producer_snapshot, Offset(-1));
    EXPECT_TRUE(snapshots(harness).empty());
}

TEST(ProducerLog, ForgetsAProducerAfterTheExpirationOfTheGuardedClock) {
    LogHarness harness({.producer_expiration_ms = 3600 * 1000});
    harness.open();
    EXPECT_EQ(send(harness, {}), "0");
    harness.clock.set_wall(harness.clock.wall_now() + 365LL * 24 * 3600 * 1000);
    EXPECT_EQ(send(harness, {}), "duplicate of 0");
    harness.clock.advance(std::chrono::minutes(61));
    EXPECT_EQ(send(harness, {.sequence = 77}), "1");
}

TEST(ProducerLog, TellsThoseWhoWaitWhenTheLogIsRemovedOrFails) {
    for (const bool removed : {true, false}) {
        LogHarness harness;
        harness.open();
        send_many(harness, 0, 3, "v");
        const auto rows = harness.only_files();
        harness.restart(rows);
        Woken woken;
        harness.log->wait_for_producers(woken);
        EngineOp op;
        op.done = [](EngineOp&) noexcept {};
        if (removed) {
            harness.logs->remove(testing::kOrders, op);
        } else {
            harness.logs->fail({Errc::io_failed, 5});
        }
        EXPECT_TRUE(harness.run_until([&] { return woken.times == 1; }));
        harness.settle();
    }
}

TEST(ProducerLog, ForgetsThoseWhoWaitNoMore) {
    LogHarness harness;
    harness.open();
    send_many(harness, 0, 3, "v");
    harness.restart({});
    Woken first;
    Woken second;
    Woken third;
    for (auto* woken : {&first, &second, &third})
        harness.log->wait_for_producers(*woken);
    harness.log->cancel_wait(second);
    EXPECT_TRUE(harness.run_until([&] { return third.times == 1; }));
    EXPECT_EQ(first.times, 1);
    EXPECT_EQ(second.times, 0);
}

}  // namespace
}  // namespace millrace::engine
