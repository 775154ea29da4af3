// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Crash enumeration, two crashes deep: a workload is run once; at every point of it the power goes
// in every way; what recovers is checked and goes on with another workload; at every point of
// recovery and of that workload the power goes again.
//
// Replay:  each finding names its path, "workload:seed/point/state" or
//          "workload:seed/point/state/point/state". MILLRACE_CRASH_REPLAY with that path runs
//          nothing else and prints what the engine said.
#pragma once

#include "tests/crash/crash_run.h"
#include "tests/crash/crash_states.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

namespace millrace::testing {

// How much of the space is searched.
struct CrashBudget {
    std::uint64_t sampled = 2;      // Subsets beyond 8 unsynced units.
    std::uint64_t states = 24;      // Of those of one point; none and all are always tried.
    std::uint64_t deep_states = 8;  // States after the first crash from which a second one follows.
    std::uint64_t deep_points = 40;                    // Points of the second crash, each.
    std::uint64_t deep_subsets = 4;                    // States of each of those.
    std::uint64_t findings_max = 5;                    // Gives up after that many,
    std::uint64_t recoveries_max = ~std::uint64_t{0};  // or that many,
    std::chrono::steady_clock::time_point until =      // or then: only campaigns look at a clock.
            std::chrono::steady_clock::time_point::max();

    // MILLRACE_CRASH_BUDGET: 1 for a test run; from 1,000 on nothing is left out.
    [[nodiscard]] static CrashBudget from_environment();

    // Leaves nothing out.
    [[nodiscard]] static CrashBudget everything();
};

struct CrashReport {
    std::uint64_t points = 0;
    std::uint64_t states = 0;      // Crash states made.
    std::uint64_t recoveries = 0;  // Distinct ones, recovered and checked.
    std::uint64_t deep_recoveries = 0;
    std::vector<std::string> findings;
};

class CrashExplorer {
public:
    CrashExplorer(const CrashWorkload& workload, const CrashBudget& budget, engine::Arena& arena);

    [[nodiscard]] CrashReport explore();

private:
    using Path = std::vector<std::uint64_t>;  // Point, state, point, state.

    // Appends a point for each operation of `run` that may change what a crash leaves.
    void collect_points(SimDisk& disk, CrashRun& run, std::vector<CrashPoint>& points);
    void first_crashes(const CrashPoint& point, std::size_t index);
    void second_crashes(const std::vector<CrashPoint>& points, const Path& path);
    void run_after_crash(const CrashState& state, const Model& model, const Path& path, bool deep);
    void recover_only(const CrashState& state, const Model& model, const Path& path);
    [[nodiscard]] bool fresh(const SimDisk& disk, const Model& model, Ending ending);
    [[nodiscard]] bool chosen(const Path& path, std::uint64_t of, std::uint64_t want) const;
    [[nodiscard]] bool replays(const Path& path) const;
    [[nodiscard]] std::uint64_t seed_of(const Path& path) const;
    void report(CrashRun& run, const Path& path);
    [[nodiscard]] bool enough() const;

    CrashWorkload workload_;
    CrashBudget budget_;
    engine::Arena& arena_;
    CrashReport report_;
    Path replay_;
    std::size_t point_count_ = 0;
    std::unordered_set<std::uint64_t> seen_;
};

// Logs without batches, as the workload names them.
[[nodiscard]] Model make_model(const CrashWorkload& workload);

}  // namespace millrace::testing
