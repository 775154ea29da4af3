// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The simulated disk: keeps apart what has been written and what would survive a power cut, fails
// on demand, and can be copied at any moment. It lives through crashes; storages (SimStorage) work
// on it and die with their run.
//
// Model of a crash:
//   * file contents: any subset of the 512-byte sectors (or 4 KiB blocks) written since the file's
//     last covering sync, of every version of a sector; DSYNC writes persist only their own
//     sectors, and the size where they lie beyond it;
//   * size and directory entries: what was synced, or any later state in between (a truncated
//     suffix and an unlinked or renamed file may come back until synced). A rename whose two
//     directories are not both synced may leave both names, never none;
//   * a completed sync covers what had completed before it was submitted, nothing else;
//   * a write that was submitted and had not completed may have happened, by sector;
//   * what a failed sync should have covered may survive, but no later sync makes it stable;
//   * a sector with unsynced versions may read as an error.
#pragma once

#include "engine/storage.h"
#include "tests/support/sim_file.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::testing {

struct SimFault {
    std::uint64_t operation = 0;  // Fails the operation of this number (from 0) ...
    bool and_all_after = false;   // ... and all later ones.
    int error = 0;                // errno. A failed write has happened by half.
    bool short_write = false;     // With error 0: half of the bytes, and success. Reads too.
    // Only operations of this kind; then the first one at or after `operation`.
    std::optional<engine::FileOpKind> kind{};
};

// An operation about to be executed, for observers.
struct SimOperation {
    std::uint64_t number = 0;
    engine::FileOpKind kind = engine::FileOpKind::read;
    std::string path;
    std::uint64_t position = 0;
    std::uint64_t length = 0;
    engine::WriteSync sync = engine::WriteSync::none;
    engine::Lane lane = engine::Lane::background;
};

class SimDisk {
public:
    SimDisk();
    ~SimDisk();
    // A copy at this moment, with the bytes of writes in flight, without observer and storages.
    SimDisk(const SimDisk&);
    SimDisk& operator=(const SimDisk&);
    SimDisk(SimDisk&&) noexcept;
    SimDisk& operator=(SimDisk&&) noexcept;

    // Asked for each unsynced sector version, size or directory change; true: it survives.
    using Survives = std::function<bool()>;

    // The disk as a power cut leaves it: before its storages are destroyed, because writes in
    // flight take part. Without fault, observer or count of operations; free space is kept.
    // `sector_bytes`: 512 or 4096, the unit of tearing.
    [[nodiscard]] SimDisk crashed(const Survives& survives, std::uint32_t sector_bytes) const;
    [[nodiscard]] SimDisk crashed(const SimCrash& crash) const;

    // The disk as a dead process leaves it: everything executed is there, nothing in flight.
    [[nodiscard]] SimDisk killed() const;

    // Units that `survives` would be asked about if it always answered true.
    [[nodiscard]] std::size_t unsynced_units(std::uint32_t sector_bytes) const;

    // Operations executed so far, of all storages: a crash point is such a number.
    [[nodiscard]] std::uint64_t operations() const;

    // Called before each operation is executed.
    void set_observer(std::function<void(const SimOperation& operation)> observer);

    void set_fault(const SimFault& fault);
    void clear_fault();
    // True when an operation has failed because of the fault that is set.
    [[nodiscard]] bool fault_hit() const;

    // Bytes that may still be allocated. Beyond: a short write, or ENOSPC when nothing fits.
    void set_free_space(std::uint64_t bytes);
    [[nodiscard]] std::uint64_t free_space() const;

    // Reading any of these bytes fails with EIO until they are written over.
    void make_unreadable(const std::string& path, std::uint64_t position, std::uint64_t bytes);

    // The files as a process that runs now sees them.
    [[nodiscard]] std::vector<std::string> files() const;  // Paths, ascending.
    [[nodiscard]] bool exists(const std::string& path) const;
    [[nodiscard]] std::vector<std::byte> contents(const std::string& path) const;
    // Changes bytes as a fault of the device would: durable at once, no operation.
    void overwrite(const std::string& path, std::uint64_t position, engine::Bytes bytes);
    // A new file, durably, with the directories above it, as another process may lay it down.
    void put(const std::string& path, engine::Bytes bytes);
    // As if the file had been deleted, durably.
    void remove(const std::string& path);

    // Of names and contents as seen now: equal disks that were crashed have equal digests.
    [[nodiscard]] std::uint64_t digest() const;

private:
    friend class SimStorage;
    struct State;

    explicit SimDisk(std::shared_ptr<State> state);

    std::shared_ptr<State> state_;  // Shared with its storages.
};

}  // namespace millrace::testing
