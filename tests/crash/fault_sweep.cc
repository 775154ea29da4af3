// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/crash/fault_sweep.h"

#include "tests/crash/crash_explorer.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

namespace millrace::testing {

namespace {

using engine::FileOpKind;

constexpr std::uint64_t kFreeSpace = 1ULL << 40;
constexpr std::size_t kFindingsMax = 3;

// What the fault hit, if anything.
struct Hit {
    std::optional<SimOperation> operation;
    bool while_stopping = false;
};

struct Sweep {
    const CrashWorkload& workload;
    const SweepFault& fault;
    engine::Arena& arena;
    SweepReport report;

    void find(std::uint64_t number, const std::string& what, const std::string& events) {
        report.findings.push_back(fmt::format("MILLRACE_FAULT_REPLAY={}/{}/{} (seed {})\n  {}\n{}",
                                              workload.name,
                                              fault.name,
                                              number,
                                              workload.seed,
                                              what,
                                              events));
    }
};

// A failure of these is final whatever the error is: the data or its order is in doubt.
bool must_be_final(const SimOperation& operation, const SweepFault& fault) {
    if (fault.refusal) return false;
    return operation.kind == FileOpKind::write || operation.kind == FileOpKind::sync_data ||
           operation.kind == FileOpKind::sync_directory;
}

// Blocks of the write-ahead log that are made ready; its groups go by another lane.
bool is_zeros(const SimOperation& operation) {
    return operation.kind == FileOpKind::write && operation.path.starts_with("wal/") &&
           operation.lane == engine::Lane::background;
}

void check_recovery(Sweep& sweep,
                    std::uint64_t number,
                    const SimDisk& left,
                    const Model& model,
                    Ending ending) {
    SimDisk disk = left;
    const auto& workload = sweep.workload;
    CrashRun run(disk, sweep.arena, model, engine_options(workload, workload.next_shards, number));
    if (run.recover(ending)) {
        run.work(workload, 2, number);
        run.stop();
    }
    for (const auto& wrong : run.wrong())
        sweep.find(number, "afterwards: " + wrong, run.host().events());
}

// Runs with the fault at `number`; false: the run has fewer operations.
bool run_one(Sweep& sweep, std::uint64_t number) {
    SimDisk disk;
    disk.set_free_space(kFreeSpace);
    disk.set_fault({number,
                    sweep.fault.for_good,
                    sweep.fault.error,
                    sweep.fault.short_write,
                    std::nullopt});
    Hit hit;
    bool stopping = false;
    disk.set_observer([&](const SimOperation& operation) {
        if (operation.number == number) hit = {operation, stopping};
    });
    const auto& workload = sweep.workload;
    CrashRun run(disk,
                 sweep.arena,
                 make_model(workload),
                 engine_options(workload, workload.shards, workload.seed));
    run.expect_faults();
    const bool started = run.recover(Ending::stopped);
    if (started) {
        run.work(workload, workload.batches, workload.seed);
        run.read_everything();
        stopping = true;
        run.stop();
    }
    disk.set_observer(nullptr);
    ++sweep.report.runs;
    for (const auto& wrong : run.wrong())
        sweep.find(number, wrong, run.host().events());
    if (run.acked_after_failure() != 0) {
        sweep.find(number, "acknowledged after the failure", run.host().events());
    }
    if (run.host().failures_reported() > 1) {
        sweep.find(number, "the failure was reported twice", run.host().events());
    }
    const bool failed = !started || run.host().failure();
    if (failed) ++sweep.report.final_failures;
    // Zeros that are written by half mean that there is no room, which is said; while the log stops
    // nobody needs the room.
    const bool no_room = sweep.fault.short_write &&
                         (run.host().events().find("wal.no_room") != std::string::npos ||
                          (hit.while_stopping && is_zeros(*hit.operation)));
    if (disk.fault_hit() && hit.operation && must_be_final(*hit.operation, sweep.fault) &&
        !failed && !no_room) {
        sweep.find(number,
                   fmt::format("operation of kind {} on {} failed and nobody minded",
                               static_cast<int>(hit.operation->kind),
                               hit.operation->path),
                   run.host().events());
    }
    const auto& model = run.model();
    check_recovery(
            sweep, number, disk.crashed([] { return false; }, 512), model, Ending::power_cut);
    check_recovery(sweep, number, disk.crashed([] { return true; }, 512), model, Ending::power_cut);
    check_recovery(sweep, number, disk.killed(), model, Ending::killed);
    return hit.operation.has_value();
}

}  // namespace

std::vector<SweepFault> sweep_faults() {
    std::vector<SweepFault> faults = {{"EIO", EIO},
                                      {"EIO_for_good", EIO, true},
                                      {"ENOSPC", ENOSPC, false, false, true},
                                      {"ENOSPC_for_good", ENOSPC, true, false, true},
                                      {"EDQUOT", EDQUOT, false, false, true},
                                      {"EROFS_for_good", EROFS, true},
                                      {"ECANCELED", ECANCELED},
                                      {"short", 0, false, true}};
    // What else the manual pages of the system calls and the kernel's block layer name.
    for (const int error :
         {EACCES, EAGAIN,       EBADF,   EBUSY,     EDESTADDRREQ, EEXIST,     EFAULT,
          EFBIG,  EILSEQ,       EINTR,   EINVAL,    EISDIR,       ELOOP,      EMFILE,
          EMLINK, ENAMETOOLONG, ENFILE,  ENODATA,   ENODEV,       ENOENT,     ENOLINK,
          ENOMEM, ENOSYS,       ENOTDIR, ENOTEMPTY, ENXIO,        EOPNOTSUPP, EOVERFLOW,
          EPERM,  EREMOTEIO,    ESPIPE,  ESTALE,    ETIMEDOUT,    ETXTBSY,    EXDEV}) {
        SweepFault fault{strerrorname_np(error), error};
        fault.rare = true;
        faults.push_back(std::move(fault));
    }
    return faults;
}

SweepReport sweep(const CrashWorkload& workload,
                  const SweepFault& fault,
                  std::uint64_t stride,
                  engine::Arena& arena) {
    Sweep sweep{workload, fault, arena, {}};
    if (const char* replay = std::getenv("MILLRACE_FAULT_REPLAY"); replay != nullptr) {
        const auto prefix = fmt::format("{}/{}/", workload.name, fault.name);
        if (std::string_view(replay).starts_with(prefix)) {
            run_one(sweep, std::strtoull(replay + prefix.size(), nullptr, 10));
        }
        return sweep.report;
    }
    std::uint64_t number = std::hash<std::string>{}(fault.name) % stride;
    while (sweep.report.findings.size() < kFindingsMax && run_one(sweep, number))
        number += stride;
    return sweep.report;
}

}  // namespace millrace::testing
