// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The newer checkpoint slot is lost at every moment of a run: the older one has all that it names,
// because a WAL file is written over only when neither slot needs it.
#pragma once

#include "tests/crash/crash_workload.h"
#include "tests/support/sim_disk.h"

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::testing {

// Path of the valid slot with the highest number; empty: neither is valid.
[[nodiscard]] std::string newest_checkpoint_slot(const SimDisk& disk);

struct SlotLossReport {
    std::uint64_t runs = 0;
    std::vector<std::string> findings;
};

// A process is killed before each of its writes to the write-ahead log.
[[nodiscard]] SlotLossReport lose_newest_slot(const CrashWorkload& workload, engine::Arena& arena);

}  // namespace millrace::testing
