// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One WAL directory on a simulated disk: runs that begin with replay, crashes between them.
#pragma once

#include "engine/arena.h"
#include "engine/event_log.h"
#include "engine/units.h"
#include "engine/wal/wal_replay.h"
#include "engine/wal/wal_writer.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_storage.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::testing {

class EventTexts final : public engine::EventLog {
public:
    void event(engine::Level level,
               std::string_view name,
               std::string_view message,
               std::initializer_list<engine::EventField> fields) noexcept override;

    [[nodiscard]] bool has(std::string_view name) const;
    [[nodiscard]] std::size_t count(std::string_view name) const;
    // The fields of the last event of that name, "key=value " each.
    [[nodiscard]] std::string fields(std::string_view name) const;

private:
    std::vector<std::pair<std::string, std::string>> events_;
};

class HeardSink final : public engine::WalSink {
public:
    void entry_written(engine::Offset end) noexcept override { written.push_back(end.value); }

    void entry_flushed(engine::Offset end) noexcept override { flushed.push_back(end.value); }

    std::vector<std::int64_t> written;
    std::vector<std::int64_t> flushed;
};

class HeardListener final : public engine::WalListener {
public:
    void wal_failed(engine::Error error, std::string_view what) noexcept override;

    void wal_has_room() noexcept override { ++has_room; }

    void wal_file_recycled(const engine::WalFileUse& file) noexcept override {
        recycled.push_back(file.file_number);
    }

    std::vector<engine::Error> failures;
    std::string what;
    std::uint32_t has_room = 0;
    std::vector<std::uint64_t> recycled;
};

struct ReplayedText {
    engine::EntryKind kind = engine::EntryKind::append;
    std::uint32_t partition = 0;
    std::string text;

    bool operator==(const ReplayedText&) const = default;
};

class WalHarness {
public:
    WalHarness();
    explicit WalHarness(const SimDisk& before);
    ~WalHarness();
    WalHarness(const WalHarness&) = delete;
    WalHarness& operator=(const WalHarness&) = delete;

    // Replays from `from`, and starts a run when that went well. Fills `found`.
    [[nodiscard]] engine::Result<void> open(const engine::WalPosition& from = {},
                                            bool accept_loss = false);
    // Replay alone; for what the last run left.
    [[nodiscard]] engine::Result<engine::ReplayedWal> replay(const engine::WalPosition& from = {},
                                                             bool accept_loss = false);

    // Begins start() without finishing it.
    void begin_start(engine::ReplayedWal&& replayed);

    [[nodiscard]] engine::Result<void> append(
            std::string_view text,
            std::int64_t end,
            engine::Durability awaited = engine::Durability::synced,
            engine::EntryKind kind = engine::EntryKind::append,
            std::uint32_t partition = 0);
    // One loop turn that executes nothing on the disk.
    void turn();
    // Turns until nothing is in flight.
    void settle();
    // One turn and at most one operation; false when there was none.
    bool step();

    // Appends and settles.
    void commit(std::string_view text,
                std::int64_t end,
                engine::Durability awaited = engine::Durability::synced);

    // The process dies; the disk keeps what was executed.
    void kill();
    // As kill(), and a power cut that keeps only what was flushed.
    void cut_power();

    SimDisk disk;
    FakeClock clock;
    EventTexts events;
    HeardListener listener;
    HeardSink sink;
    engine::Arena arena{256 * engine::kMiB};
    engine::ShardCounters counters;
    engine::WalOptions options;
    SimStorageOptions storage_options;
    std::unique_ptr<SimStorage> storage;
    std::unique_ptr<engine::WalWriter> wal;

    std::vector<ReplayedText> found;        // By the last open().
    engine::WalPosition end;                // Of the last replay.
    std::vector<engine::WalFileUse*> uses;  // One per entry: found, then appended.
    engine::Result<void> start_outcome;
    bool started = false;
    engine::Result<void> drain_outcome;
    bool drained = false;
    engine::EngineOp start_op;
    engine::EngineOp drain_op;

private:
    void make_storage();
    void end_run(SimDisk&& after);
};

[[nodiscard]] std::vector<ReplayedText> texts_of(const engine::ReplayedWal& wal);

// "a" repeated.
[[nodiscard]] std::string filler(std::size_t bytes);

}  // namespace millrace::testing
