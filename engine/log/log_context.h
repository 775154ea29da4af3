// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What everything behind ShardLogs works with, and the one place where a failure becomes final.
#pragma once

#include "engine/arena.h"
#include "engine/base/guarded_clock.h"
#include "engine/clock.h"
#include "engine/engine.h"
#include "engine/event_log.h"
#include "engine/storage.h"
#include "engine/wal/wal_appender.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::engine {

// Something that has to be said, but not from inside the call that brought it about.
struct Deferred {
    void (*run)(Deferred& deferred) noexcept = nullptr;
    void* owner = nullptr;
    Deferred* next = nullptr;
    bool queued = false;
};

// Lifecycle:   one per ShardLogs; outlives every job.
// Thread:      the shard's.
struct LogContext {
    Clock& clock;
    EventLog& events;
    Arena& arena;
    Storage& storage;
    WalAppender& wal;
    const EngineOptions& options;
    LeaderEpoch leader_epoch_min;
    ShardCounters& counters;
    GuardedClock guarded_clock;
    bool after_clean_stop = true;  // Of the run before, if there was one.

    // Ends all logs of the shard; see ShardLogs::fail.
    void (*fail_logs)(void* owner, Error error, std::string_view what) noexcept = nullptr;
    void* owner = nullptr;

    std::optional<Error> failed{};  // No file operation begins once it is set.
    std::uint32_t operations = 0;   // File operations in flight.

    Deferred* deferred_first = nullptr;
    Deferred* deferred_last = nullptr;

    // Runs it at the end of this loop turn; once, however often it is asked for until then.
    void defer(Deferred& deferred) noexcept;
    void run_deferred() noexcept;

    void fail(Error error, std::string_view what) noexcept { fail_logs(owner, error, what); }

    // This shard's part of what the broker may use.
    [[nodiscard]] std::uint64_t share_of(std::uint64_t broker_total, std::uint64_t least) const {
        const auto share = broker_total / (options.shards == 0 ? 1 : options.shards);
        return share < least ? least : share;
    }
};

// Errors of operations that make room. They mean "later"; all others are final.
[[nodiscard]] bool is_full(std::int64_t result) noexcept;

}  // namespace millrace::engine
