// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Storing that failed for a reason that passes is tried again, and nothing fails meanwhile.
#include "engine/format/file_names.h"
#include "tests/engine/log/log_harness.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace millrace::engine {
namespace {

using testing::batch_of;
using testing::kOrders;
using testing::LogHarness;
using testing::SimOperation;

// Number of the operation that opens the first segment.
std::uint64_t open_of_segment() {
    LogHarness harness;
    std::uint64_t number = 0;
    harness.disk.set_observer([&number](const SimOperation& operation) {
        if (operation.kind == FileOpKind::open && operation.path.ends_with(kLogSuffix))
            number = operation.number;
    });
    harness.open();
    harness.append(batch_of("a"));
    harness.store_all();
    return number;
}

TEST(StoringAgain, FollowsAProcessWithoutDescriptors) {
    for (const int error : {EMFILE, ENFILE}) {
        LogHarness harness;
        harness.open();
        harness.append(batch_of("a"));
        harness.disk.set_fault({.operation = open_of_segment(), .error = error});
        harness.store_all();
        EXPECT_TRUE(harness.disk.fault_hit());
        EXPECT_EQ(harness.counters.runs, 0U);
        harness.wal.live = 900;
        EXPECT_TRUE(harness.run_until([&harness] { return harness.counters.runs == 1; }));
        EXPECT_EQ(harness.failure, std::nullopt);
    }
}

TEST(StoringAgain, FollowsMemoryThatWasNotThereForAFolder) {
    LogHarness harness;
    harness.open();
    harness.append(batch_of("a"));
    std::vector<BufferRef> taken;
    for (std::size_t size : {16 * kMiB, 4 * kKiB}) {
        for (auto buffer = harness.arena.allocate(size); buffer;
             buffer = harness.arena.allocate(size)) {
            taken.push_back(std::move(buffer));
        }
    }
    harness.store_all();
    EXPECT_EQ(harness.folder(), std::vector<std::string>{});
    EXPECT_NE(harness.logs->next_deadline(), MonotonicTime::max());
    taken.clear();
    harness.wal.live = 900;
    EXPECT_TRUE(harness.run_until([&harness] { return harness.counters.runs == 1; }));
    EXPECT_EQ(harness.failure, std::nullopt);
    EXPECT_EQ(harness.folder().size(), 2U);
}

TEST(StoringAgain, AtAStopSyncsEachFileWhenTheSyncOfAllHasFailed) {
    for (const bool fails : {false, true}) {
        LogHarness harness;
        constexpr std::uint32_t kLogs = 200;
        for (std::uint32_t i = 0; i < kLogs; ++i) {
            const PartitionKey key{kOrders.topic, 100 + i};
            const LogConfig config{.index_interval_bytes = 1};
            harness.log = &harness.logs->open(key, "many-" + std::to_string(i), config, nullptr);
            harness.append(batch_of("a"));
            harness.append(batch_of("b"));
        }
        harness.store_all();
        std::size_t index_syncs = 0;
        harness.disk.set_observer([&index_syncs](const SimOperation& operation) {
            const bool counts = operation.kind == FileOpKind::sync_data &&
                                operation.path.ends_with(kOffsetIndexSuffix);
            index_syncs += counts ? 1 : 0;
        });
        if (fails) {
            harness.disk.set_fault({.operation = harness.disk.operations(),
                                    .error = EIO,
                                    .kind = FileOpKind::sync_filesystem});
        }
        EXPECT_TRUE(harness.flush_all().has_value());
        EXPECT_EQ(harness.disk.fault_hit(), fails);
        EXPECT_EQ(index_syncs, fails ? kLogs : 0U);
        EXPECT_EQ(harness.failure, std::nullopt);
        harness.disk.set_observer({});
    }
}

}  // namespace
}  // namespace millrace::engine
