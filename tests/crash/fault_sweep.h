// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Fails the N-th operation of a run, with each error, once and for good, for every N: after a final
// failure no shard that knows of it acknowledges anything any more, and the disk that is left
// recovers.
//
// Replay:  a finding names its "workload/error/N"; MILLRACE_FAULT_REPLAY runs only that one.
#pragma once

#include "tests/crash/crash_run.h"

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::testing {

struct SweepFault {
    std::string name;  // "EIO", "EIO_for_good", "short"
    int error = 0;
    bool for_good = false;
    bool short_write = false;
    bool refusal = false;  // ENOSPC, EDQUOT: final only where no room was being made.
    bool rare = false;     // Handled as the others are: fewer places do in a run of the tests.
};

[[nodiscard]] std::vector<SweepFault> sweep_faults();

struct SweepReport {
    std::uint64_t runs = 0;
    std::uint64_t final_failures = 0;
    std::vector<std::string> findings;
};

// Every `stride`-th operation, from a place that depends on the fault.
[[nodiscard]] SweepReport sweep(const CrashWorkload& workload,
                                const SweepFault& fault,
                                std::uint64_t stride,
                                engine::Arena& arena);

}  // namespace millrace::testing
