// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/memory_group.h"

#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::testing {
namespace {

// Of the first version of control groups and of the second.
struct Kind {
    const char* root;
    const char* limit;
};

constexpr Kind kKinds[] = {{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
                           {"/sys/fs/cgroup", "memory.max"}};

bool write(const std::filesystem::path& file, const std::string& text) {
    std::ofstream stream(file);
    return (stream << text).flush().good();
}

}  // namespace

MemoryGroup::MemoryGroup(std::uint64_t bytes_max) {
    static int made = 0;
    const auto name = "millrace-test-" + std::to_string(getpid()) + "-" + std::to_string(++made);
    for (const auto& kind : kKinds) {
        const auto folder = std::filesystem::path(kind.root) / name;
        if (mkdir(folder.c_str(), 0755) != 0) continue;
        if (write(folder / kind.limit, std::to_string(bytes_max))) {
            folder_ = folder;
            return;
        }
        rmdir(folder.c_str());
    }
}

MemoryGroup::~MemoryGroup() {
    if (made()) rmdir(folder_.c_str());
}

void MemoryGroup::take(pid_t process) const {
    static_cast<void>(write(folder_ / "cgroup.procs", std::to_string(process)));
}

}  // namespace millrace::testing
