// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The states in which a crash at one point may leave the disk, numbered, so that a number replays
// its state.
#pragma once

#include "tests/crash/crash_model.h"
#include "tests/support/sim_disk.h"

#include <cstdint>
#include <string>

namespace millrace::testing {

// A moment of a run at which the power may go.
struct CrashPoint {
    SimDisk disk;
    Model model;
    std::uint64_t operation = 0;
    std::string next;  // The operation that never happened.
};

struct CrashState {
    SimDisk disk;
    Ending ending = Ending::power_cut;
};

class CrashStates {
public:
    // Up to 8 unsynced units: every subset. Beyond: `sampled` subsets for each size of sector,
    // torn at 512 bytes and at 4 KiB, with none and all of the units among them. And the killed
    // process.
    CrashStates(const CrashPoint& point, std::uint64_t seed, std::uint64_t sampled);

    [[nodiscard]] std::uint64_t count() const;

    // The same number is the same state, whatever `sampled` is. Some are equal.
    [[nodiscard]] CrashState state(std::uint64_t number) const;

private:
    [[nodiscard]] std::uint64_t states_of(std::size_t units) const;
    [[nodiscard]] SimDisk crashed(std::uint64_t number,
                                  std::size_t units,
                                  std::uint32_t sector_bytes) const;

    const CrashPoint& point_;
    std::uint64_t seed_;
    std::uint64_t sampled_;
    std::size_t small_units_;  // Of 512 bytes.
    std::size_t large_units_;  // Of 4 KiB.
    std::uint64_t small_;      // States.
    std::uint64_t large_;
};

}  // namespace millrace::testing
