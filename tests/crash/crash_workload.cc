// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/crash/crash_workload.h"

#include "engine/units.h"

namespace millrace::testing {

std::vector<CrashWorkload> crash_workloads() {
    using engine::Durability;
    std::vector<CrashWorkload> all;
    all.push_back({.name = "flush_thread", .seed = 11});
    all.push_back({.name = "synced_writes", .seed = 12, .synced_writes = true});
    all.push_back({.name = "more_shards", .seed = 13, .shards = 1, .next_shards = 3, .logs = 4});
    all.push_back({.name = "fewer_shards", .seed = 14, .shards = 2, .next_shards = 1, .logs = 4});
    all.push_back({.name = "classes",
                   .seed = 15,
                   .logs = 4,
                   .classes = {Durability::synced, Durability::written, Durability::memory}});
    all.push_back({.name = "classes_synced_writes",
                   .seed = 16,
                   .logs = 4,
                   .classes = {Durability::written, Durability::synced, Durability::memory},
                   .synced_writes = true});
    // Enough to write over every WAL file, with several rolls and rounds.
    all.push_back({.name = "recycling", .seed = 17, .batches = 70, .next_batches = 20});
    all.push_back({.name = "recycling_shards",
                   .seed = 18,
                   .shards = 2,
                   .next_shards = 2,
                   .logs = 4,
                   .batches = 90,
                   .next_batches = 20,
                   .synced_writes = true});
    all.push_back({.name = "producers",
                   .seed = 19,
                   .shards = 2,
                   .next_shards = 1,
                   .logs = 3,
                   .batches = 40,
                   .next_batches = 8,
                   .batch_bytes_min = 200,
                   .batch_bytes_max = 2500,
                   .classes = {Durability::synced, Durability::memory},
                   .producers = true});
    all.push_back(
            {.name = "deletes", .seed = 19, .batches = 30, .next_batches = 8, .deletes = true});
    all.push_back({.name = "deletes_shards",
                   .seed = 20,
                   .shards = 2,
                   .next_shards = 3,
                   .logs = 4,
                   .batches = 40,
                   .next_batches = 10,
                   .classes = {Durability::synced, Durability::written, Durability::memory},
                   .synced_writes = true,
                   .deletes = true});
    all.push_back({.name = "atomic",
                   .seed = 22,
                   .shards = 2,
                   .next_shards = 2,
                   .logs = 5,
                   .batches = 16,
                   .next_batches = 5,
                   .batch_bytes_min = 200,
                   .batch_bytes_max = 1500,
                   .classes = {Durability::synced, Durability::memory, Durability::written},
                   .atomic = true});
    all.push_back({.name = "atomic_shards",
                   .seed = 23,
                   .shards = 3,
                   .next_shards = 2,
                   .logs = 7,
                   .batches = 16,
                   .next_batches = 5,
                   .batch_bytes_min = 200,
                   .batch_bytes_max = 1500,
                   .classes = {Durability::memory, Durability::synced},
                   .synced_writes = true,
                   .atomic = true});
    // Enough to write over every WAL file that has parts of other shards.
    all.push_back({.name = "atomic_recycling",
                   .seed = 24,
                   .shards = 2,
                   .next_shards = 1,
                   .logs = 5,
                   .batches = 50,
                   .next_batches = 10,
                   .deletes = true,
                   .atomic = true});
    all.push_back({.name = "compacts",
                   .seed = 21,
                   .logs = 2,
                   .batches = 40,
                   .next_batches = 8,
                   .batch_bytes_min = 300,
                   .batch_bytes_max = 1500,
                   .compacts = true});
    all.push_back({.name = "compacts_shards",
                   .seed = 22,
                   .shards = 2,
                   .next_shards = 1,
                   .logs = 3,
                   .batches = 60,
                   .next_batches = 10,
                   .batch_bytes_min = 300,
                   .batch_bytes_max = 2000,
                   .classes = {Durability::synced, Durability::memory},
                   .producers = true,
                   .compacts = true});
    all.push_back({.name = "compacts_deletes",
                   .seed = 23,
                   .shards = 1,
                   .next_shards = 2,
                   .logs = 3,
                   .batches = 50,
                   .next_batches = 8,
                   .batch_bytes_min = 300,
                   .batch_bytes_max = 2000,
                   .synced_writes = true,
                   .compacts = true,
                   .deletes = true});
    return all;
}

SimEngineOptions engine_options(const CrashWorkload& workload,
                                std::uint32_t shards,
                                std::uint64_t seed) {
    SimEngineOptions options;
    options.seed = seed;
    options.prefers_synced_writes = workload.synced_writes;
    options.engine.shards = shards;
    options.engine.wal_file_bytes = workload.file_bytes;
    options.engine.wal_bytes = workload.file_bytes * workload.wal_files * shards;
    options.engine.wal_first_frontier_bytes = engine::kBlockBytes;
    options.engine.commit =
            workload.synced_writes ? engine::CommitMode::ring : engine::CommitMode::thread;
    options.engine.group_bytes_max = 2 * engine::kBlockBytes;
    options.engine.run_bytes = engine::kBlockBytes;
    options.engine.free_space_min = 1;
    options.engine.random_seed = seed + 1;
    return options;
}

}  // namespace millrace::testing
