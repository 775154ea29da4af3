// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Appends on their way into this shard's logs, and those that have to wait: for room, until their
// partition's producers are read, until compressed records have been looked at, or until an atomic
// append is done with it.
//
// Lifecycle:   one per shard; stopped before it dies.
// Thread:      its shard's loop.
// Order:       appends to a partition enter its log in the order submitted, whatever had to wait.
//              While one is parked for want of room, later ones of every partition stand behind it.
#pragma once

#include "broker/partition/parked_appends.h"
#include "broker/partition/partition_table.h"
#include "engine/engine.h"

#include <cstdint>
#include <memory>
#include <unordered_map>

namespace millrace::broker {

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
    // A partition that takes nothing for now, since its producers are being read, the records of
    // its next append looked at, or an atomic append holds it; and who waits for it.
    struct Blocked {
        AppendQueue* queue = nullptr;
        engine::PartitionKey key;
        engine::Log* log = nullptr;
        engine::LogWaiter waiter;
        engine::RecordsCheck check;
        bool checking = false;             // `check` is under way, else `waiter`.
        PendingAppend* checked = nullptr;  // Whose records; null: it has given up meanwhile.
        ParkedAppends appends;
    };

    enum class Entered : std::uint8_t { over, no_room, unread, unchecked, held };

    [[nodiscard]] Entered enter(PendingAppend& append) noexcept;
    void take_on(PendingAppend& append) noexcept;
    [[nodiscard]] bool park_behind_blocked(PendingAppend& append) noexcept;
    void park_blocked(PendingAppend& append, Entered why) noexcept;
    void records_checked(Blocked& blocked) noexcept;
    void unblocked(Blocked& blocked) noexcept;
    void park(ParkedAppends& list, PendingAppend& append) noexcept;
    void note_parked(PendingAppend& append) noexcept;
    void unpark(PendingAppend& append) noexcept;
    void expired(PendingAppend& append) noexcept;
    void give_up(PendingAppend& append, AppendProblem problem, engine::Error error) noexcept;
    void give_up_all(ParkedAppends& list) noexcept;
    void wait_for_first() noexcept;
    void room_is_ready() noexcept;
    static void appended(engine::AppendOp& op) noexcept;

    PartitionSource& source_;
    engine::ShardEngine& engine_;
    TimerService& timers_;
    ParkedAppends for_room_;
    std::unordered_map<engine::PartitionKey, std::unique_ptr<Blocked>> blocked_;
    std::uint64_t parked_bytes_ = 0;
    engine::RoomWaiter room_;
    bool waiting_ = false;
};

}  // namespace millrace::broker
