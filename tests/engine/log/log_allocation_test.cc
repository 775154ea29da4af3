// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Steady-state appends, tail reads and the marks behind them take no memory from the heap.
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> allocations{0};

}  // namespace

// NOLINTBEGIN(misc-definitions-in-headers): the program's own, so that they can be counted.
void* operator new(std::size_t bytes) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t /*bytes*/) noexcept {
    std::free(memory);
}

// NOLINTEND(misc-definitions-in-headers)

namespace millrace::engine {
namespace {

using testing::AckedAppend;
using testing::batch_of;
using testing::FinishedRead;
using testing::LogHarness;

TEST(LogAllocations, OfAppendsAndTailReadsAreNone) {
    LogHarness harness;
    harness.wal.remember = false;
    harness.open();
    const auto batch = batch_of(std::string(1000, 'x'));
    AckedAppend op;
    FinishedRead read;
    read.slices.reserve(16);
    const auto cycle = [&] {
        for (int i = 0; i < 8; ++i) {
            op.batches = batch;
            op.durability = Durability::synced;
            ASSERT_TRUE(harness.log->append(op).has_value());
            read.from = op.base_offset;
            read.limit = op.end_offset;
            read.bytes_max = 1U << 20U;
            read.bytes = 0;
            ASSERT_EQ(harness.log->read(read), ReadStatus::complete);
            ASSERT_EQ(read.slices.size(), 1U);
            read.slices.clear();
            harness.wal.flush_all();
        }
        harness.logs->end_turn();
    };
    // The tail's ring has room for 4,096 entries after this.
    for (int i = 0; i < 300; ++i)
        cycle();
    const auto before = allocations.load();
    for (int i = 0; i < 100; ++i)
        cycle();
    EXPECT_EQ(allocations.load() - before, 0U);
    EXPECT_EQ(op.acks, 3200U);
}

}  // namespace
}  // namespace millrace::engine
