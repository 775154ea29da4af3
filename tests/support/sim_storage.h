// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One shard's Storage over a simulated disk. Deterministic: the same operations and the same seed
// give the same order, effects and results.
//
// Lifecycle:   dies with its run; what was submitted and not executed then never happens.
// Thread:      the one of its disk.
// Checks:      direct files answer EINVAL unless buffer, position and length are whole blocks.
#pragma once

#include "engine/storage.h"
#include "tests/support/sim_disk.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace millrace::testing {

struct SimStorageOptions {
    // Order of execution, and how many operations one run_completions() executes (at least one);
    // 0: all of them, as submitted.
    std::uint64_t seed = 0;
    bool prefers_synced_writes = false;
    bool lying_sync = false;  // sync_data and sync_* succeed and do nothing.
};

class SimStorage final : public engine::Storage {
public:
    explicit SimStorage(SimDisk& disk, const SimStorageOptions& options = {});
    ~SimStorage() override;

    void submit(engine::FileOp& op) noexcept override;
    void flush_submissions() noexcept override;
    // Executes and completes what was flushed before the call. An operation has its effect here,
    // one after the other, so that a crash can fall between any two.
    std::size_t run_completions() noexcept override;

    [[nodiscard]] int wake_descriptor() const noexcept override { return -1; }

    [[nodiscard]] std::size_t in_flight() const noexcept override;

    [[nodiscard]] std::string_view name() const noexcept override { return "simulated"; }

    [[nodiscard]] bool prefers_synced_writes() const noexcept override;

    // Executes at most one flushed operation and completes it; false when there is none.
    bool step() noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace millrace::testing
