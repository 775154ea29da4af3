// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A real file system on a disk whose power can be cut: a loop device over our own FUSE disk.
#pragma once

#include "tests/support/child_process.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace millrace::testing {

// Lifecycle:   made and mounted; then cut_power() and restore() in turns; the destructor unmounts.
//              All mounts are of this process and its children alone.
// Thread:      the test's first, before it has others; cut_power() any.
class PowerDisk {
public:
    // `file_system`: ext4 or xfs. The folder is empty and stays with the caller.
    PowerDisk(std::filesystem::path folder, std::uint64_t bytes, std::string file_system);
    ~PowerDisk();
    PowerDisk(const PowerDisk&) = delete;
    PowerDisk& operator=(const PowerDisk&) = delete;

    // Why there is none; empty: it is mounted.
    [[nodiscard]] const std::string& refusal() const { return refusal_; }

    [[nodiscard]] std::filesystem::path path() const { return folder_ / "mounted"; }

    // What is flushed stays; of the rest the seed decides. From here on nothing reaches the disk.
    void cut_power(std::uint64_t seed) const;

    // Ends the file system that had its power cut, without its log, and mounts what is left.
    // Requires: nobody uses it. Errors: std::runtime_error with the command's words.
    void restore();

    [[nodiscard]] std::uint64_t count(const std::string& what) const;  // As `control` says it.

private:
    void make() const;
    void serve();
    void mount() const;
    void unmount() const;
    void control(const std::string& command) const;

    std::filesystem::path folder_;
    std::uint64_t bytes_;
    std::string file_system_;
    std::string refusal_;
    ChildProcess server_;
};

}  // namespace millrace::testing
