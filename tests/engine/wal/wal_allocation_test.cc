// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The steady state of appending takes no memory from the heap: groups, their entries and the lists
// of files are used again, through rolls and recycling.
#include "tests/engine/wal/wal_harness.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <vector>

namespace {

std::uint64_t allocations = 0;

}  // namespace

void* operator new(std::size_t bytes) {
    ++allocations;
    if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t /*bytes*/) noexcept {
    std::free(memory);
}

namespace millrace::testing {
namespace {

// Everything succeeds, in order; keeps no bytes and takes no memory once it is warm.
class InstantStorage final : public engine::Storage {
public:
    InstantStorage() { queue_.reserve(64); }

    void submit(engine::FileOp& op) noexcept override { queue_.push_back(&op); }

    void flush_submissions() noexcept override {}

    std::size_t run_completions() noexcept override {
        std::size_t done = 0;
        for (; done < queue_.size(); ++done) {
            engine::FileOp& op = *queue_[done];
            const bool moves_bytes = op.kind == engine::FileOpKind::write;
            op.result = moves_bytes ? static_cast<std::int64_t>(op.length) : 0;
            op.done(op);
        }
        queue_.clear();
        return done;
    }

    [[nodiscard]] int wake_descriptor() const noexcept override { return -1; }

    [[nodiscard]] std::size_t in_flight() const noexcept override { return queue_.size(); }

    [[nodiscard]] std::string_view name() const noexcept override { return "instant"; }

    [[nodiscard]] bool prefers_synced_writes() const noexcept override { return false; }

private:
    std::vector<engine::FileOp*> queue_;
};

class CountingSink final : public engine::WalSink {
public:
    void entry_written(engine::Offset /*end*/) noexcept override {}

    void entry_flushed(engine::Offset /*end*/) noexcept override { ++flushed; }

    std::uint64_t flushed = 0;
};

class QuietListener final : public engine::WalListener {
public:
    void wal_failed(engine::Error /*error*/, std::string_view /*what*/) noexcept override {}

    void wal_has_room() noexcept override {}

    void wal_file_recycled(const engine::WalFileUse& /*file*/) noexcept override {}
};

TEST(WalAllocation, AppendsRollsAndRecyclesWithoutTheHeap) {
    FakeClock clock;
    EventTexts events;
    engine::Arena arena(64 * engine::kMiB);
    InstantStorage storage;
    engine::ShardCounters counters;
    QuietListener listener;
    engine::WalOptions options;
    options.file_bytes = 64 * engine::kKiB;
    options.bytes_max = 8 * options.file_bytes;
    options.first_frontier_bytes = 16 * engine::kKiB;
    options.group_bytes_max = 16 * engine::kKiB;
    options.run_bits = 1;
    options.run_number = 1;
    engine::WalWriter wal(
            options, {clock, events, arena, storage, counters, listener}, engine::ReplayedWal());
    engine::EngineOp start;
    start.done = [](engine::EngineOp& /*op*/) noexcept {};
    wal.start(start);
    const auto settle = [&] {
        do {
            wal.end_turn();
        } while (storage.run_completions() > 0);
    };
    settle();

    CountingSink sink;
    std::uint64_t refused = 0;
    const auto turn = [&] {
        for (int entry = 0; entry < 8; ++entry) {
            const auto place = wal.reserve(engine::EntryKind::append, {}, 500, false);
            if (!place) {
                ++refused;
                continue;
            }
            wal.keep(*place, &sink, engine::Offset(1), engine::Durability::synced);
            wal.entry_released(*place->file);
        }
        settle();
        wal.recycle_before(wal.replay_start({}));
    };
    for (int i = 0; i < 200; ++i)
        turn();  // Warm: every list has reached its size.
    const auto flushed = sink.flushed;
    const auto recycled = counters.wal_files_recycled;
    const auto before = allocations;
    for (int i = 0; i < 500; ++i)
        turn();
    const auto taken = allocations - before;
    EXPECT_EQ(taken, 0U);
    EXPECT_EQ(sink.flushed, flushed + 500U * 8);
    EXPECT_GT(counters.wal_files_recycled, recycled + 20);
    EXPECT_EQ(refused, 0U);
    settle();
}

}  // namespace
}  // namespace millrace::testing
