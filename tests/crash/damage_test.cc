// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/arena.h"
#include "engine/units.h"
#include "tests/crash/damage_campaign.h"
#include "tests/crash/slot_loss.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>

namespace millrace::testing {
namespace {

using Case = std::tuple<std::string, bool>;  // Workload, after a clean stop.

constexpr DamageKind kOfBlocks[] = {
        DamageKind::flipped, DamageKind::zeroed, DamageKind::unreadable};

class Damage : public ::testing::TestWithParam<Case> {
protected:
    DamageReport spoil(DamageKind kind, const std::string& suffix, DamageAnswer allowed) {
        const auto& [name, clean_stop] = GetParam();
        const auto all = crash_workloads();
        const auto& workload = *std::ranges::find(all, name, &CrashWorkload::name);
        auto report = damage(workload, kind, suffix, clean_stop, allowed, arena_);
        for (const auto& finding : report.findings)
            ADD_FAILURE() << finding;
        EXPECT_GT(report.runs, 0U) << suffix;
        runs_ += report.runs;
        RecordProperty("cases", std::to_string(runs_));
        fmt::print("{} {} kind {}: {} runs, {} starts refused, {} with failed reads\n",
                   name,
                   suffix,
                   static_cast<int>(kind),
                   report.runs,
                   report.refusals,
                   report.failed_reads);
        return report;
    }

    engine::Arena arena_{64 * engine::kMiB};
    std::uint64_t runs_ = 0;
};

TEST_P(Damage, OfTheWriteAheadLogLosesNothingInSilence) {
    for (const auto kind : kOfBlocks)
        EXPECT_GT(spoil(kind, ".wal", DamageAnswer::anything_said).refusals, 0U);
    spoil(DamageKind::file_gone, ".wal", DamageAnswer::anything_said);
}

TEST_P(Damage, OfTheWriteAheadLogAndTheNewestCheckpointLosesNothingInSilence) {
    spoil(DamageKind::newest_slot, ".wal", DamageAnswer::anything_said);
}

TEST_P(Damage, OfOneCheckpointSlotIsNotNoticed) {
    for (const auto* slot : {"checkpoint.a", "checkpoint.b"}) {
        for (const auto kind : kOfBlocks)
            spoil(kind, slot, DamageAnswer::nothing);
        spoil(DamageKind::file_gone, slot, DamageAnswer::nothing);
    }
}

TEST_P(Damage, OfSegmentsFailsReadsAndNothingElse) {
    for (const auto kind : kOfBlocks)
        EXPECT_GT(spoil(kind, ".log", DamageAnswer::failed_reads).failed_reads, 0U);
}

TEST_P(Damage, OfIndexesIsNotNoticed) {
    for (const auto* suffix : {".index", ".timeindex"}) {
        for (const auto kind : kOfBlocks)
            spoil(kind, suffix, DamageAnswer::nothing);
        spoil(DamageKind::file_gone, suffix, DamageAnswer::nothing);
    }
}

TEST_P(Damage, OfTheNewestSlotIsNotNoticedAtAnyMoment) {
    const auto all = crash_workloads();
    const auto& workload = *std::ranges::find(all, std::get<0>(GetParam()), &CrashWorkload::name);
    const auto report = lose_newest_slot(workload, arena_);
    for (const auto& finding : report.findings)
        ADD_FAILURE() << finding;
    EXPECT_GT(report.runs, 0U);
    RecordProperty("cases", std::to_string(report.runs));
}

INSTANTIATE_TEST_SUITE_P(Histories,
                         Damage,
                         ::testing::Combine(::testing::Values("recycling", "recycling_shards"),
                                            ::testing::Bool()),
                         [](const auto& param) {
                             return std::get<0>(param.param) +
                                    (std::get<1>(param.param) ? "_stopped" : "_killed");
                         });

}  // namespace
}  // namespace millrace::testing
