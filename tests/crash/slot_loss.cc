// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/crash/slot_loss.h"

#include "engine/format/checkpoint_codec.h"
#include "tests/crash/crash_explorer.h"
#include "tests/crash/crash_run.h"

#include <fmt/format.h>

namespace millrace::testing {

namespace {

constexpr std::uint64_t kFreeSpace = 1ULL << 40;
constexpr std::size_t kFindingsMax = 3;

std::vector<CrashPoint> points_of(const CrashWorkload& workload, engine::Arena& arena) {
    SimDisk disk;
    disk.set_free_space(kFreeSpace);
    std::vector<CrashPoint> points;
    CrashRun run(disk,
                 arena,
                 make_model(workload),
                 engine_options(workload, workload.shards, workload.seed));
    disk.set_observer([&](const SimOperation& next) {
        if (next.kind != engine::FileOpKind::write || !next.path.ends_with(".wal")) return;
        points.push_back({disk.killed(), run.model(), next.number, next.path});
    });
    if (run.recover(Ending::stopped)) run.work(workload, workload.batches, workload.seed);
    disk.set_observer(nullptr);
    run.stop();
    return points;
}

std::string complaints_of(CrashRun& run, bool started) {
    std::string text = started ? "" : "\n  the start was refused";
    for (const auto& wrong : run.wrong())
        text += "\n  " + wrong;
    return text;
}

}  // namespace

std::string newest_checkpoint_slot(const SimDisk& disk) {
    std::string newest;
    std::uint64_t number = 0;
    for (const auto& path : disk.files()) {
        if (!path.ends_with("checkpoint.a") && !path.ends_with("checkpoint.b")) continue;
        const auto slot = engine::decode_checkpoint(disk.contents(path));
        if (!slot || slot->number < number) continue;
        number = slot->number;
        newest = path;
    }
    return newest;
}

SlotLossReport lose_newest_slot(const CrashWorkload& workload, engine::Arena& arena) {
    SlotLossReport report;
    for (const auto& point : points_of(workload, arena)) {
        if (report.findings.size() >= kFindingsMax) break;
        SimDisk disk = point.disk;
        const auto newest = newest_checkpoint_slot(disk);
        if (newest.empty()) continue;
        disk.overwrite(newest, 0, std::vector<std::byte>(disk.contents(newest).size()));
        CrashRun run(disk,
                     arena,
                     point.model,
                     engine_options(workload, workload.next_shards, workload.seed + 1));
        run.expect_faults();
        ++report.runs;
        const bool started = run.recover(Ending::killed);
        if (started) run.stop();
        const auto complaints = complaints_of(run, started);
        if (complaints.empty()) continue;
        report.findings.push_back(fmt::format("{} (seed {}), {} lost before operation {}:{}\n{}",
                                              workload.name,
                                              workload.seed,
                                              newest,
                                              point.operation,
                                              complaints,
                                              run.host().events()));
    }
    return report;
}

}  // namespace millrace::testing
