// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A shard's engine whose logs do as the test says: no files, no threads, acknowledgements by hand.
#pragma once

#include "broker/base/timer.h"
#include "broker/partition/partition_table.h"
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <vector>

namespace millrace::testing {

class FakeLog final : public engine::Log {
public:
    engine::Result<void> append(engine::AppendOp& op) override {
        if (refusal) return std::unexpected(*refusal);
        op.base_offset = engine::Offset(static_cast<std::int64_t>(appended.size()));
        op.duplicate = duplicates;
        appended.push_back(&op);
        return {};
    }

    void wait_for_producers(engine::LogWaiter& waiter) noexcept override {
        EXPECT_EQ(producers_waiter, nullptr);
        producers_waiter = &waiter;
    }

    void wait_for_release(engine::LogWaiter& waiter) noexcept override {
        EXPECT_EQ(release_waiter, nullptr);
        release_waiter = &waiter;
    }

    void release() {
        refusal.reset();
        auto* waiter = std::exchange(release_waiter, nullptr);
        ASSERT_NE(waiter, nullptr);
        waiter->ready(*waiter);
    }

    void cancel_wait(engine::LogWaiter& waiter) noexcept override {
        if (release_waiter == &waiter) release_waiter = nullptr;
        if (producers_waiter == &waiter) producers_waiter = nullptr;
    }

    void producers_are_read() {
        refusal.reset();
        auto* waiter = std::exchange(producers_waiter, nullptr);
        ASSERT_NE(waiter, nullptr);
        waiter->ready(*waiter);
    }

    engine::ReadStatus read(engine::ReadOp& op) override {
        op.outcome = {};
        return engine::ReadStatus::complete;
    }

    void look_up_time(engine::TimeLookupOp&) override {}

    void delete_before(engine::DeleteOp&) override {}

    void expire(engine::DeleteOp&) override {}

    void compact(engine::CompactOp& op) override { compactions.push_back(&op); }

    void check_records(engine::RecordsCheck& asked) override {
        EXPECT_EQ(check, nullptr);
        check = &asked;
    }

    void cancel_check(engine::RecordsCheck& asked) noexcept override {
        if (check == &asked) check = nullptr;
    }

    void records_are_checked(engine::Result<void> outcome, std::int32_t record = -1) {
        refusal.reset();
        auto* checked = std::exchange(check, nullptr);
        ASSERT_NE(checked, nullptr);
        checked->outcome = outcome;
        checked->refused_record = record;
        checked->done(*checked);
    }

    void verify(engine::VerifyOp&) override {}

    [[nodiscard]] engine::LogOffsets offsets() const noexcept override { return {}; }

    [[nodiscard]] engine::LeaderEpoch leader_epoch() const noexcept override { return 0; }

    [[nodiscard]] engine::EpochEnd epoch_end(engine::LeaderEpoch) const noexcept override {
        return {};
    }

    [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return 0; }

    [[nodiscard]] std::uint32_t segment_count() const noexcept override { return 0; }

    void set_config(const engine::LogConfig&) noexcept override {}

    void set_listener(engine::LogListener* its_listener) noexcept override {
        listener = its_listener;
    }

    std::optional<engine::Error> refusal;
    bool duplicates = false;
    std::vector<engine::AppendOp*> appended;
    engine::LogListener* listener = nullptr;
    engine::LogWaiter* producers_waiter = nullptr;
    engine::LogWaiter* release_waiter = nullptr;
    engine::RecordsCheck* check = nullptr;
    std::vector<engine::CompactOp*> compactions;
};

class FakeShardEngine final : public engine::ShardEngine {
public:
    void start(engine::EngineOp&) override {}

    void stop(engine::EngineOp&) override {}

    engine::Log& open_log(const engine::PartitionKey& key,
                          std::string_view,
                          const engine::LogConfig&) override {
        return logs[key];
    }

    engine::Log* find_log(const engine::PartitionKey& key) noexcept override { return &logs[key]; }

    void adopt(engine::AdoptOp&) override {}

    void append_atomic(engine::AtomicAppendOp&) override {}

    void remove_log(const engine::PartitionKey&, engine::EngineOp&) override {}

    void end_turn() noexcept override {}

    std::size_t run_completions() noexcept override { return 0; }

    [[nodiscard]] engine::MonotonicTime next_deadline() const noexcept override {
        return engine::MonotonicTime::max();
    }

    void wait_for_room(engine::RoomWaiter& waiter) noexcept override {
        EXPECT_EQ(waiting, nullptr);
        waiting = &waiter;
    }

    void cancel_wait(engine::RoomWaiter& waiter) noexcept override {
        if (waiting == &waiter) waiting = nullptr;
    }

    [[nodiscard]] std::uint64_t room() const noexcept override { return 0; }

    [[nodiscard]] std::uint64_t append_bytes_max() const noexcept override { return 8U << 20; }

    [[nodiscard]] bool storage_full() const noexcept override { return false; }

    [[nodiscard]] const engine::ShardCounters& counters() const noexcept override {
        return counters_;
    }

    void give_room() {
        auto* waiter = std::exchange(waiting, nullptr);
        ASSERT_NE(waiter, nullptr);
        waiter->ready(*waiter);
    }

    std::map<engine::PartitionKey, FakeLog> logs;
    engine::RoomWaiter* waiting = nullptr;

private:
    engine::ShardCounters counters_;
};

class ManualTimers final : public broker::TimerService {
public:
    void arm(broker::Timer& timer, engine::MonotonicTime deadline) noexcept override {
        EXPECT_FALSE(timer.armed);
        timer.armed = true;
        timer.deadline = deadline;
        armed.push_back(&timer);
    }

    void disarm(broker::Timer& timer) noexcept override {
        timer.armed = false;
        std::erase(armed, &timer);
    }

    void advance_to(engine::MonotonicTime now) {
        while (true) {
            const auto due = std::ranges::find_if(
                    armed, [now](const auto* timer) { return timer->deadline <= now; });
            if (due == armed.end()) return;
            auto& timer = **due;
            disarm(timer);
            timer.fired(timer);
        }
    }

    std::vector<broker::Timer*> armed;
};

// Partitions 0 to 9 of every topic but the zero one.
class FakeSource final : public broker::PartitionSource {
public:
    explicit FakeSource(FakeShardEngine& engine) : table_(engine) {}

    broker::Partition* find_or_open(const engine::PartitionKey& key,
                                    Missing& missing) noexcept override {
        if (key.topic == engine::TopicId{}) {
            missing = Missing::topic;
            return nullptr;
        }
        if (key.partition > 9) {
            missing = Missing::partition;
            return nullptr;
        }
        auto* partition = table_.find(key);
        return partition != nullptr ? partition : &table_.open(key, "", {});
    }

    void close(const engine::PartitionKey& key) { table_.close(key); }

private:
    broker::PartitionTable table_;
};

}  // namespace millrace::testing
