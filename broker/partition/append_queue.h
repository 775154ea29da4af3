// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Appends on their way into this shard's logs, and those that found no room.
//
// Lifecycle:   one per shard; stopped before it dies.
// Thread:      its shard's loop.
// Order:       appends enter the logs in the order submitted, whatever had to wait: while one is
//              parked, later ones stand behind it.
#pragma once

#include "broker/base/timer.h"
#include "broker/partition/partition_table.h"
#include "engine/engine.h"

#include <atomic>
#include <cstdint>

namespace millrace::broker {

enum class AppendProblem : std::uint8_t {
    none,
    unknown_topic,
    unknown_partition,
    timed_out,
    refused
};

class AppendQueue;

// Owned by the caller, kept still until `done` has run, which is exactly once and perhaps within
// submit().
struct PendingAppend {
    // In.
    engine::PartitionKey key;
    engine::AppendOp op;               // batches and durability; the rest is the queue's.
    engine::MonotonicTime deadline{};  // Parked beyond it: timed_out, and nothing was appended.
    // The batches are no longer needed: taken by the log, or given up. Before `done`.
    void (*released)(PendingAppend& append) noexcept = nullptr;
    void (*done)(PendingAppend& append) noexcept = nullptr;
    void* owner = nullptr;
    std::atomic<std::uint64_t>* account = nullptr;  // Its bytes are counted here while parked.

    // Out.
    AppendProblem problem = AppendProblem::none;
    engine::Error error;  // Of `refused`.
    engine::Offset log_start{-1};

    // The queue's.
    PendingAppend* next = nullptr;
    PendingAppend* previous = nullptr;
    Timer timer;
    AppendQueue* queue = nullptr;  // While parked.
};

class AppendQueue {
public:
    AppendQueue(PartitionSource& source, engine::ShardEngine& engine, TimerService& timers);
    ~AppendQueue();
    AppendQueue(const AppendQueue&) = delete;
    AppendQueue& operator=(const AppendQueue&) = delete;

    void submit(PendingAppend& append) noexcept;

    // Parked appends are refused with shutting_down.
    void stop() noexcept;

    [[nodiscard]] std::uint64_t parked_bytes() const noexcept { return parked_bytes_; }

private:
    // False: no room.
    [[nodiscard]] bool enter(PendingAppend& append) noexcept;
    void count(const PendingAppend& append) noexcept;
    void park(PendingAppend& append) noexcept;
    void put_first(PendingAppend& append) noexcept;
    void unpark(PendingAppend& append) noexcept;
    void expired(PendingAppend& append) noexcept;
    void give_up(PendingAppend& append, AppendProblem problem, engine::Error error) noexcept;
    void wait_for_first() noexcept;
    void room_is_ready() noexcept;
    static void appended(engine::AppendOp& op) noexcept;

    PartitionSource& source_;
    engine::ShardEngine& engine_;
    TimerService& timers_;
    PendingAppend* first_ = nullptr;  // Parked.
    PendingAppend* last_ = nullptr;
    std::uint64_t parked_bytes_ = 0;
    engine::RoomWaiter room_;
    bool waiting_ = false;
};

}  // namespace millrace::broker
