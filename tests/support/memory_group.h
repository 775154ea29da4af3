// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A control group that bounds the memory of a process: beyond it the kernel kills.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <sys/types.h>

namespace millrace::testing {

// Lifecycle:   its processes have ended when it is destroyed.
class MemoryGroup {
public:
    explicit MemoryGroup(std::uint64_t bytes_max);
    ~MemoryGroup();
    MemoryGroup(const MemoryGroup&) = delete;
    MemoryGroup& operator=(const MemoryGroup&) = delete;

    // False: this machine lets nobody make groups.
    [[nodiscard]] bool made() const { return !folder_.empty(); }

    void take(pid_t process) const;

private:
    std::filesystem::path folder_;
};

}  // namespace millrace::testing
