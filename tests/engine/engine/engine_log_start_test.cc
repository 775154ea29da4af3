// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Log starts of a whole engine: over crashes, other numbers of shards, and a full disk.
#include "tests/engine/engine/sim_engine_fixture.h"

#include <algorithm>

namespace millrace::testing {
namespace {

using engine::Offset;
using engine::ShardCounters;

class EngineLogStart : public SimEngineFixture {
protected:
    EngineLogStart() { config_.segment_bytes = 8192; }

    // Of batches of one record each.
    engine::Result<void> delete_before(std::uint32_t partition, std::int64_t before) {
        bool done = false;
        engine::DeleteOp op;
        op.before = Offset(before);
        op.owner = &done;
        op.done = [](engine::DeleteOp& ended) noexcept { *static_cast<bool*>(ended.owner) = true; };
        log(partition).delete_before(op);
        EXPECT_TRUE(host_->run_until([&] { return done; })) << events();
        if (!op.outcome) return op.outcome;
        auto& records = acked_[partition];
        records.erase(records.begin(), records.begin() + (before - starts_[partition]));
        starts_[partition] = before;
        return {};
    }

    void check() {
        for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
            EXPECT_EQ(log(partition).offsets().log_start, Offset(starts_[partition])) << partition;
        }
        check_all();
    }

    // Of the partition's .log files on disk.
    std::size_t segments(std::uint32_t partition) {
        const auto folder = "topics/t-" + std::to_string(partition) + "/";
        const auto files = disk_.files();
        return static_cast<std::size_t>(std::ranges::count_if(files, [&](const auto& path) {
            return path.starts_with(folder) && path.ends_with(".log");
        }));
    }

    std::int64_t starts_[kPartitions] = {};
};

TEST_F(EngineLogStart, HoldsOverPowerCutsAndOtherNumbersOfShards) {
    ASSERT_TRUE(start(2)) << events();
    append_everywhere(30, 1000);
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition)
        ASSERT_TRUE(delete_before(partition, 5 * partition));
    crash();
    ASSERT_TRUE(start(3)) << events();
    check();
    append_everywhere(10, 1000);
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition)
        ASSERT_TRUE(delete_before(partition, 30 + partition));
    crash(true);
    ASSERT_TRUE(start(1)) << events();
    check();
    append_everywhere(200, 1000);  // The WAL is written over meanwhile.
    EXPECT_GT(sum(&ShardCounters::wal_files_recycled), 0U);
    crash();
    ASSERT_TRUE(start(2)) << events();
    check();
}

TEST_F(EngineLogStart, HoldsOverCleanStopsAndTakesTheFilesAway) {
    ASSERT_TRUE(start(2)) << events();
    append_everywhere(50, 1000);
    clean_stop();
    ASSERT_TRUE(start(2)) << events();
    const auto before = segments(0);
    ASSERT_GE(before, 5U);
    ASSERT_TRUE(delete_before(0, 25));
    ASSERT_TRUE(delete_before(1, 50));
    clean_stop();
    EXPECT_LT(segments(0), before);
    EXPECT_GT(segments(0), 0U);
    EXPECT_EQ(segments(1), 0U);
    ASSERT_TRUE(start(1)) << events();
    EXPECT_TRUE(host_->engine().recovery().clean);
    check();
    append_everywhere(1);
    check();
}

TEST_F(EngineLogStart, MovesOnAFullDiskWhereNothingIsAppended) {
    options_.engine.free_space_min = 1 << 20;
    disk_.set_free_space(64 << 20);
    ASSERT_TRUE(start(1)) << events();
    append_everywhere(30, 1000);
    clean_stop();
    ASSERT_TRUE(start(1)) << events();
    disk_.set_free_space(0);
    clock_.advance(std::chrono::seconds(2));
    append(0);  // At the end of its turn the engine looks.
    ASSERT_TRUE(host_->run_until([&] { return host_->shard(0).storage_full(); }));
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition)
        ASSERT_TRUE(delete_before(partition, 30)) << events();
    EXPECT_FALSE(host_->failure());
    disk_.set_free_space(64 << 20);
    crash();
    ASSERT_TRUE(start(1)) << events();
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition)
        EXPECT_EQ(log(partition).offsets().log_start, Offset(30)) << partition;
}

}  // namespace
}  // namespace millrace::testing
