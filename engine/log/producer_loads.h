// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Who needs the producers of a log, and finds them in memory or waits until they are: a few logs
// are read at a time, the others stand in line.
//
// Thread:      the shard's.
#pragma once

#include "engine/log/producer_load.h"
#include "engine/log/producer_memory.h"

#include <array>
#include <cstdint>
#include <memory>

namespace millrace::engine {

class ProducerLoads {
public:
    ProducerLoads(const ReadParts& parts, ProducerMemory& memory)
            : parts_(parts), memory_(memory) {}

    ProducerLoads(const ProducerLoads&) = delete;
    ProducerLoads& operator=(const ProducerLoads&) = delete;

    // The log's table, the most recently used one now. Null: it is on disk, wait() for it.
    [[nodiscard]] ProducerTable* use(LogState& log);

    // The table has grown.
    void note_growth(LogState& log) noexcept { memory_.note_growth(log); }

    // Told once, at the end of a turn, when the table is there, the log removed or failed.
    void wait(LogState& log, LogWaiter& waiter) noexcept;
    static void cancel(LogState& log, LogWaiter& waiter) noexcept;

    // Starts what may start and tells who waited. Once per loop turn.
    void end_turn() noexcept;

    // The log is being removed: its waiters are told at the end of the turn.
    void forget(LogState& log) noexcept;
    // All are told.
    void fail() noexcept;

    // Somebody is told at the next turn.
    [[nodiscard]] bool has_news() const noexcept { return ready_.first != nullptr; }

    // When end_turn() has something else to do; max(): never.
    [[nodiscard]] MonotonicTime next_deadline() const noexcept;

private:
    static constexpr std::size_t kLoadsMax = 4;

    // Linked through LogProducers::next.
    struct Line {
        LogState* first = nullptr;
        LogState* last = nullptr;

        void push(LogState& log) noexcept;
        [[nodiscard]] LogState* pop() noexcept;
        bool remove(LogState& log) noexcept;
    };

    struct Slot {
        ProducerLoads* owner = nullptr;
        LogState* log = nullptr;
        std::unique_ptr<ProducerLoad> load;

        void ended(Result<void> outcome) noexcept;
    };

    void start_loads() noexcept;
    void load_ended(LogState& log, Result<void> outcome) noexcept;
    void tell(LogState& log) noexcept;

    ReadParts parts_;
    ProducerMemory& memory_;
    std::array<Slot, kLoadsMax> slots_;
    Line waiting_;
    Line ready_;  // Their waiters are to be told.
    MonotonicTime retry_at_{};
};

}  // namespace millrace::engine
