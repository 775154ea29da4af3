// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Reads the window behind the one that a sequential reader got, so that it is there when the
// reader asks for it. A few windows per shard; those that nobody takes go away.
#pragma once

#include "engine/log/index_cache.h"
#include "engine/log/window_reader.h"

#include <array>
#include <cstdint>
#include <memory>

namespace millrace::engine {

// What readers of files work with.
struct ReadParts {
    LogContext& context;
    OpenFiles& files;
    IndexCache& indexes;
    IoGate& gate;
};

// A stretch of a segment file in memory.
struct ReadWindow {
    BufferRef buffer;
    Bytes bytes;
};

// Somebody who waits for a window that is being read. Caller-owned.
struct WindowWaiter {
    // `window` is empty when it could not be read. Runs from a completion.
    void (*ready)(WindowWaiter& waiter, ReadWindow&& window) noexcept = nullptr;
    void* owner = nullptr;
};

// Thread: the shard's.
class ReadAhead {
public:
    enum class Answer : std::uint8_t { none, now, later };

    explicit ReadAhead(const ReadParts& parts);
    ~ReadAhead();

    // Begins to read from `position` on, unless that is under way or no window is free.
    void begin(LogState& log,
               Segment& segment,
               std::uint64_t position,
               std::uint64_t bytes) noexcept;

    // The window that begins there. now: in `window`. later: waiter.ready runs.
    [[nodiscard]] Answer take(const LogState& log,
                              const Segment& segment,
                              std::uint64_t position,
                              WindowWaiter& waiter,
                              ReadWindow& window) noexcept;

    // The log is being removed.
    void forget(const LogState& log) noexcept;

    void drop_unused(MonotonicTime now) noexcept;
    [[nodiscard]] MonotonicTime next_deadline() const noexcept;

private:
    enum class State : std::uint8_t { empty, reading, ready };

    struct Slot {
        explicit Slot(ReadAhead& ahead, const ReadParts& parts)
                : owner(ahead), reader(parts.context, parts.files, parts.gate) {}

        void done(Result<void> outcome) noexcept;

        ReadAhead& owner;
        WindowReader reader;
        State state = State::empty;
        LogState* log = nullptr;
        Offset segment_base;
        std::uint64_t position = 0;
        std::uint64_t generation = 0;
        bool worthless = false;  // Forgotten while it was being read.
        WindowWaiter* waiter = nullptr;
        MonotonicTime ready_since{};
    };

    static constexpr std::size_t kSlots = 8;

    [[nodiscard]] Slot* find(const LogState& log,
                             const Segment& segment,
                             std::uint64_t position) noexcept;
    [[nodiscard]] Slot* free_slot() noexcept;

    ReadParts parts_;
    std::array<std::unique_ptr<Slot>, kSlots> slots_;  // Made when they are needed.
};

}  // namespace millrace::engine
