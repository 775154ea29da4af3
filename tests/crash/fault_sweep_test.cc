// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/crash/fault_sweep.h"

#include "engine/arena.h"
#include "engine/units.h"
#include "tests/crash/crash_workload.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace millrace::testing {
namespace {

// A large workload has ten times the operations of a small one. A campaign leaves out none.
constexpr std::uint64_t kStrideOfSmall = 2;
constexpr std::uint64_t kStrideOfLarge = 23;
constexpr std::uint32_t kBatchesOfSmall = 20;
constexpr std::uint64_t kRarer = 29;

class FaultSweep : public ::testing::TestWithParam<SweepFault> {
protected:
    engine::Arena arena_{64 * engine::kMiB};
};

TEST_P(FaultSweep, AtEveryOperationIsRefusedOrFinalAndLosesNothing) {
    SweepReport all;
    for (const auto& workload : crash_workloads()) {
        const bool small = workload.batches <= kBatchesOfSmall;
        const auto bounded =
                (small ? kStrideOfSmall : kStrideOfLarge) * (GetParam().rare ? kRarer : 1);
        const auto stride = std::getenv("MILLRACE_CRASH_BUDGET") == nullptr ? bounded : 1;
        const auto report = sweep(workload, GetParam(), stride, arena_);
        for (const auto& finding : report.findings)
            ADD_FAILURE() << finding;
        all.runs += report.runs;
        all.final_failures += report.final_failures;
    }
    RecordProperty("cases", std::to_string(all.runs));
    fmt::print("{}: {} runs, {} failed for good\n", GetParam().name, all.runs, all.final_failures);
}

INSTANTIATE_TEST_SUITE_P(Errors,
                         FaultSweep,
                         ::testing::ValuesIn(sweep_faults()),
                         [](const auto& fault) { return fault.param.name; });

}  // namespace
}  // namespace millrace::testing
