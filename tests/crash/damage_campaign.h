// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Damage to files at rest: every block of write-ahead log, checkpoint, segment and index is spoiled
// in turn. The engine either refuses to start and says why, or answers an error for those offsets,
// or has lost nothing; other bytes are never read, promised records never missing in silence.
#pragma once

#include "tests/crash/crash_run.h"
#include "tests/crash/crash_workload.h"

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::testing {

struct DamageReport {
    std::uint64_t runs = 0;
    std::uint64_t refusals = 0;      // Starts that were refused.
    std::uint64_t failed_reads = 0;  // Runs with reads that were answered by an error.
    std::vector<std::string> findings;
};

enum class DamageKind : std::uint8_t {
    flipped,      // One bit of each block.
    zeroed,       // Each block.
    unreadable,   // Each block.
    file_gone,    // Each file.
    newest_slot,  // The newer checkpoint slot, with each block of the write-ahead log zeroed.
};

// What the engine may do about it.
enum class DamageAnswer : std::uint8_t {
    anything_said,  // Refuse to start, or fail reads.
    failed_reads,   // Fail reads.
    nothing,        // Nobody may notice.
};

// Files whose path ends with `suffix` (".wal", ".log", ".index", ".timeindex", "checkpoint.a" ...).
[[nodiscard]] DamageReport damage(const CrashWorkload& workload,
                                  DamageKind kind,
                                  const std::string& suffix,
                                  bool after_clean_stop,
                                  DamageAnswer allowed,
                                  engine::Arena& arena);

}  // namespace millrace::testing
