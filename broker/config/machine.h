// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What the process may use of the machine it runs on.
#pragma once

#include <cstdint>
#include <filesystem>

namespace millrace::broker {

struct Machine {
    std::uint32_t cores = 1;                // That this process may run on.
    std::uint64_t memory_bytes = 0;         // RAM, or less where a cgroup (v1 or v2) says so.
    std::filesystem::path state_directory;  // $XDG_STATE_HOME, else ~/.local/state.
};

// `root` stands before /proc and /sys, for tests.
[[nodiscard]] Machine inspect_machine(const std::filesystem::path& root = "/");

}  // namespace millrace::broker
