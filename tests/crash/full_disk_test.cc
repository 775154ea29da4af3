// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The disk is full after every number of blocks: appends are refused, the engine does not fail,
// and it goes on when there is room again.
#include "engine/arena.h"
#include "engine/units.h"
#include "tests/crash/crash_explorer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace millrace::testing {
namespace {

constexpr std::uint64_t kMuchSpace = 1ULL << 40;
// A start needs most of it for the checkpoint slots; beyond the last number nothing is refused.
constexpr std::uint64_t kBlocksOfSlots = 504;
constexpr std::uint64_t kBlocksMax = 720;

std::uint64_t next_after(std::uint64_t blocks) {
    return blocks + (blocks < kBlocksOfSlots ? 42 : 2);
}

class FullDisk : public ::testing::TestWithParam<CrashWorkload> {
protected:
    void run_with(std::uint64_t blocks) {
        SCOPED_TRACE(fmt::format("{} blocks", blocks));
        SimDisk disk;
        disk.set_free_space(blocks * engine::kBlockBytes);
        const auto& workload = GetParam();
        CrashRun run(disk,
                     arena_,
                     make_model(workload),
                     engine_options(workload, workload.shards, workload.seed));
        run.expect_faults();
        if (run.recover(Ending::stopped)) {
            fill_and_go_on(disk, run);
        } else {
            ++refused_starts_;
        }
        const auto left = disk.killed();
        for (const auto& wrong : run.wrong())
            ADD_FAILURE() << wrong << "\n" << run.host().events();
        start_again(left, run.model());
    }

    void fill_and_go_on(SimDisk& disk, CrashRun& run) {
        const auto& workload = GetParam();
        if (run.work(workload, workload.batches, workload.seed)) ++unhindered_;
        EXPECT_FALSE(run.host().failure()) << run.host().events();
        run.read_everything();
        EXPECT_EQ(run.failed_reads(), 0U);
        start_again(disk.crashed([] { return false; }, 512), run.model());

        disk.set_free_space(kMuchSpace);
        run.idle(std::chrono::seconds(5));
        run.expect_faults(false);
        const auto acked = run.acked();
        EXPECT_TRUE(run.work(workload, 4, workload.seed + 1)) << run.host().events();
        EXPECT_GE(run.acked(), acked + 4);
        EXPECT_TRUE(run.stop()) << run.host().events();
    }

    void start_again(SimDisk disk, const Model& model) {
        const auto& workload = GetParam();
        disk.set_free_space(kMuchSpace);
        CrashRun run(
                disk, arena_, model, engine_options(workload, workload.next_shards, workload.seed));
        EXPECT_TRUE(run.recover(Ending::power_cut)) << run.host().events();
        run.stop();
        for (const auto& wrong : run.wrong())
            ADD_FAILURE() << wrong << "\n" << run.host().events();
    }

    engine::Arena arena_{64 * engine::kMiB};
    std::uint64_t refused_starts_ = 0;
    std::uint64_t unhindered_ = 0;
};

TEST_P(FullDisk, RefusesAndGoesOnWhenThereIsRoom) {
    std::uint64_t runs = 0;
    for (std::uint64_t blocks = 0; blocks < kBlocksMax && !HasFailure();
         blocks = next_after(blocks)) {
        run_with(blocks);
        ++runs;
    }
    RecordProperty("cases", std::to_string(runs));
    fmt::print("{}: {} runs, {} starts refused, {} unhindered\n",
               GetParam().name,
               runs,
               refused_starts_,
               unhindered_);
    EXPECT_GT(runs, refused_starts_ + unhindered_);
}

INSTANTIATE_TEST_SUITE_P(Workloads,
                         FullDisk,
                         ::testing::ValuesIn(crash_workloads()),
                         [](const auto& workload) { return workload.param.name; });

}  // namespace
}  // namespace millrace::testing
