// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Small workloads that hold whatever an engine does in its life: groups, rolls, rounds, WAL files
// written over, parked appends, tail and cold reads, all three classes.
#pragma once

#include "tests/support/sim_engine_host.h"

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::testing {

struct CrashWorkload {
    std::string name;
    std::uint64_t seed = 1;
    std::uint32_t shards = 1;
    std::uint32_t next_shards = 1;  // Of the run after the first crash.
    std::uint32_t logs = 2;         // The first one is the metadata log.
    std::uint32_t batches = 12;
    std::uint32_t next_batches = 4;
    std::uint32_t batch_bytes_min = 300;
    std::uint32_t batch_bytes_max = 3000;
    std::vector<engine::Durability> classes{engine::Durability::synced};  // Of logs, in turn.
    bool synced_writes = false;                                           // Commit mode ring.
    std::uint32_t wal_files = 4;  // For each shard, of file_bytes each.
    std::uint64_t file_bytes = 32768;
    bool producers = false;     // Each log has an idempotent producer.
    bool compacts = false;      // Logs but the metadata log are compacted; records have keys.
    bool deletes = false;       // Log starts move, and retention bounds the size of logs.
    bool atomic = false;        // Some appends are atomic ones, of two to four logs.
    bool killed_first = false;  // Only the second crash takes the power.
};

// The workloads of a test run. Each stands for one way to run an engine.
[[nodiscard]] std::vector<CrashWorkload> crash_workloads();

// Engine options for it; `shards` of this run.
[[nodiscard]] SimEngineOptions engine_options(const CrashWorkload& workload,
                                              std::uint32_t shards,
                                              std::uint64_t seed);

}  // namespace millrace::testing
