// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Crash enumeration over every workload. A test run is bounded by CrashBudget and the same every
// time. A campaign sets MILLRACE_CRASH_SECONDS, which each workload spends on fresh seeds counted
// from MILLRACE_CRASH_SEED on, and MILLRACE_CRASH_BUDGET.
#include "engine/arena.h"
#include "engine/units.h"
#include "tests/crash/crash_explorer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace millrace::testing {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class CrashEnumeration : public ::testing::TestWithParam<CrashWorkload> {
protected:
    // False: something was found.
    bool explore(const CrashWorkload& workload, const CrashBudget& budget) {
        const auto report = CrashExplorer(workload, budget, arena_).explore();
        for (const auto& finding : report.findings)
            ADD_FAILURE() << finding;
        fmt::print("{}:{}: {} points, {} states, {} recoveries, {} after a second crash\n",
                   workload.name,
                   workload.seed,
                   report.points,
                   report.states,
                   report.recoveries,
                   report.deep_recoveries);
        std::fflush(stdout);
        states_ += report.states;
        distinct_ += report.recoveries + report.deep_recoveries;
        RecordProperty("cases", std::to_string(states_));
        RecordProperty("distinct", std::to_string(distinct_));
        return report.findings.empty();
    }

    engine::Arena arena_{64 * engine::kMiB};
    std::uint64_t states_ = 0;
    std::uint64_t distinct_ = 0;
};

TEST_P(CrashEnumeration, KeepsWhatWasPromisedInOrderAndInventsNothing) {
    auto workload = GetParam();
    auto budget = CrashBudget::from_environment();
    workload.seed = number_from("MILLRACE_CRASH_SEED", workload.seed);
    const auto seconds = number_from("MILLRACE_CRASH_SECONDS", 0);
    if (seconds == 0) {
        explore(workload, budget);
        return;
    }
    budget.until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (explore(workload, budget) && std::chrono::steady_clock::now() < budget.until)
        ++workload.seed;
}

INSTANTIATE_TEST_SUITE_P(Workloads,
                         CrashEnumeration,
                         ::testing::ValuesIn(crash_workloads()),
                         [](const auto& workload) { return workload.param.name; });

}  // namespace
}  // namespace millrace::testing
