// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One shard's part in atomic appends: it starts those that it is asked for, holds its partitions
// for any, writes the entries of those that it leads, and publishes what is flushed.
//
// Lifecycle:   one per shard engine; idle before it dies.
// Thread:      its shard's.
// Deadlock:    shards are asked in ascending number, and a shard holds all its partitions of an
//              append at once or none: who waits for a partition holds only some of lower shards,
//              so nobody waits in a circle. Nobody waits for room while holding anything.
#pragma once

#include "engine/engine/atomic_append_state.h"
#include "engine/engine/engine_core.h"
#include "engine/engine/room_waiters.h"
#include "engine/engine/shard_wal.h"
#include "engine/log/shard_logs.h"
#include "engine/wal/wal_appender.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::engine {

class AtomicAppends {
public:
    struct Parts {
        EngineCore& core;
        std::uint32_t shard;
        ShardLogs& logs;
        ShardWal& wal;
        RoomWaiters& room;
    };

    explicit AtomicAppends(const Parts& parts);
    ~AtomicAppends();
    AtomicAppends(const AtomicAppends&) = delete;
    AtomicAppends& operator=(const AtomicAppends&) = delete;

    void start(AtomicAppendOp& op);

    // From now on nothing is held and nothing written: a stop has begun.
    void refuse_new() noexcept { stopping_ = true; }

    // Poison: what waits for this shard's WAL ends with `error`.
    void fail(Error error) noexcept;

    // None that was started here is under way, and no partition of this shard is held.
    [[nodiscard]] bool idle() const noexcept { return started_ == 0 && held_ == 0; }

    // This shard's WAL has had an entry with batches of another's partitions.
    [[nodiscard]] bool has_shared() const noexcept { return has_shared_; }

private:
    // Waits for this shard's WAL: for a fence before the append, or for its entry.
    struct Flush final : WalSink {
        void entry_written(Offset /*end*/) noexcept override {}

        void entry_flushed(Offset /*end*/) noexcept override { owner->flushed(*this); }

        AtomicAppends* owner = nullptr;
        AtomicAppend* append = nullptr;    // Null: free.
        WalFileUse* fence_file = nullptr;  // Null: it is the entry.
    };

    // Waits for room, or for a log that another append holds.
    struct Wait {
        AtomicAppends* owner = nullptr;
        AtomicAppend* append = nullptr;  // Null: free.
        RoomWaiter room;
        LogWaiter log;
    };

    [[nodiscard]] AtomicAppend& take_append(AtomicAppendOp& op);
    [[nodiscard]] Flush& take_flush(AtomicAppend& append);
    [[nodiscard]] Wait& take_wait(AtomicAppend& append);
    void lay_out(AtomicAppend& append);
    [[nodiscard]] Result<void> check(const AtomicAppendOp& op) const;

    // The token goes to the shard, and the step is taken there.
    using Step = void (AtomicAppends::*)(AtomicAppend& append) noexcept;
    template <Step step>
    void hand_over(AtomicAppend& append, std::uint32_t shard) noexcept;

    void await_room(AtomicAppend& append) noexcept;
    void hold(AtomicAppend& append) noexcept;
    [[nodiscard]] LogImpl* find_log(AtomicAppend& append, std::uint32_t part) noexcept;
    [[nodiscard]] Result<void> hold_part(AtomicAppend& append, std::uint32_t index) noexcept;
    void await_release(AtomicAppend& append, LogImpl& log) noexcept;
    [[nodiscard]] bool fence(AtomicAppend& append, const AtomicLeg& leg) noexcept;
    void leg_is_held(AtomicAppend& append) noexcept;
    void write(AtomicAppend& append) noexcept;
    [[nodiscard]] Result<void> fill(AtomicAppend& append, const WalPlace& place) noexcept;
    void keep(AtomicAppend& append, const WalPlace& place) noexcept;
    void flushed(Flush& flush) noexcept;
    void publish_all(AtomicAppend& append) noexcept;
    void publish(AtomicAppend& append, AtomicLeg& leg) noexcept;
    void refuse(AtomicAppend& append, Error error) noexcept;
    void refuse_place(AtomicAppend& append, Error error, std::uint64_t room_bytes) noexcept;
    void release_all(AtomicAppend& append) noexcept;
    void release(AtomicAppend& append, AtomicLeg& leg) noexcept;
    void go_home(AtomicAppend& append, AtomicLeg& leg) noexcept;
    void released(AtomicAppend& append) noexcept;
    void finish(AtomicAppend& append) noexcept;

    [[nodiscard]] bool refuses() const noexcept { return stopping_ || failed_; }

    Parts parts_;
    std::vector<std::unique_ptr<AtomicAppend>> appends_;  // That were ever started here.
    std::vector<AtomicAppend*> free_appends_;
    std::vector<std::unique_ptr<Flush>> flushes_;
    std::vector<std::unique_ptr<Wait>> waits_;
    std::uint64_t started_ = 0;  // And not done.
    std::uint64_t held_ = 0;     // Partitions of this shard.
    bool has_shared_ = false;
    bool stopping_ = false;
    bool failed_ = false;
};

// Of the shard on whose thread this runs.
[[nodiscard]] inline AtomicAppends& on_shard(AtomicAppend& append, std::uint32_t shard) {
    auto* appends = append.core->link(shard).atomic;
    ASSERT(appends != nullptr);
    return *appends;
}

template <AtomicAppends::Step step>
void AtomicAppends::hand_over(AtomicAppend& append, std::uint32_t shard) noexcept {
    if (shard == parts_.shard) return (this->*step)(append);
    append.token.leg = shard;
    append.token.run = [](PostedTask& task) noexcept {
        auto& at = on_shard(append_of(task), static_cast<AtomicTask&>(task).leg);
        (at.*step)(append_of(task));
    };
    parts_.core.parts().post.post(shard, append.token);
}

}  // namespace millrace::engine
