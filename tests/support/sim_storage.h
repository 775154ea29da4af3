// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The simulated disk: keeps apart what has been written and what would survive a power cut, fails
// on demand, and replays from a seed.
//
// SimDisk is the device with its directory tree; it lives through crashes. SimStorage is one
// shard's Storage over it and dies with its run.
//
// Model of a crash:
//   * file contents: any subset of the 512-byte sectors (or 4 KiB blocks) written since the file's
//     last covering sync; DSYNC writes persist only their own sectors;
//   * size and directory entries: what was synced, or any later state in between (a truncated
//     suffix and an unlinked or renamed file may come back until synced);
//   * a completed sync_data covers the writes that had completed before it was submitted.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/storage.h"

namespace millrace::testing {

struct SimFault {
    std::uint64_t operation = 0;     // Fails the operation of this number (from 0) ...
    bool and_all_after = false;      // ... and all later ones.
    int error = 0;                   // errno; 0 with short_write: half of the bytes.
    bool short_write = false;
};

class SimDisk {
public:
    SimDisk();
    ~SimDisk();
    SimDisk(const SimDisk&);              // A copy for each crash state.
    SimDisk& operator=(const SimDisk&);

    // How a crash treats what is not synced: called for each unsynced sector or directory change;
    // true: it survives.
    using Survives = std::function<bool()>;

    // The disk as a power cut leaves it. `sector_bytes`: 512 or 4096, the unit of tearing.
    [[nodiscard]] SimDisk crashed(const Survives& survives, std::uint32_t sector_bytes) const;

    // Units that `survives` would be asked about.
    [[nodiscard]] std::size_t unsynced_units(std::uint32_t sector_bytes) const;

    // Operations executed so far, of all storages: a crash point is such a number.
    [[nodiscard]] std::uint64_t operations() const;

    void set_fault(const SimFault& fault);
    void set_free_space(std::uint64_t bytes);   // ENOSPC beyond it.
    // Reading any of these bytes fails with EIO.
    void make_unreadable(const std::string& path, std::uint64_t position, std::uint64_t bytes);

    // The files as a process that runs now sees them.
    [[nodiscard]] std::vector<std::string> files() const;       // Paths, ascending.
    [[nodiscard]] std::vector<std::byte> contents(const std::string& path) const;
    void overwrite(const std::string& path, std::uint64_t position, engine::Bytes bytes);

private:
    friend class SimStorage;
    struct State;
    std::shared_ptr<State> state_;        // Shared with its storages.
};

struct SimStorageOptions {
    std::uint64_t seed = 0;               // Order of completions; 0: as submitted.
    bool prefers_synced_writes = false;
    bool lying_sync = false;              // sync_data and sync_* succeed and do nothing.
};

class SimStorage final : public engine::Storage {
public:
    SimStorage(SimDisk& disk, const SimStorageOptions& options = {});
    ~SimStorage() override;

    void submit(engine::FileOp& op) noexcept override;
    void flush_submissions() noexcept override;
    // Executes and completes what was flushed. An operation has its effect here, one after the
    // other, so that a crash can fall between any two.
    std::size_t run_completions() noexcept override;

    [[nodiscard]] int wake_descriptor() const noexcept override { return -1; }
    [[nodiscard]] std::size_t in_flight() const noexcept override;
    [[nodiscard]] std::string_view name() const noexcept override { return "simulated"; }
    [[nodiscard]] bool prefers_synced_writes() const noexcept override;

    // Executes at most one operation and completes it; false when there is none.
    bool step() noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace millrace::testing
