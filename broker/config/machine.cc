// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/config/machine.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <pwd.h>
#include <sched.h>
#include <string>
#include <unistd.h>

namespace millrace::broker {

namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

// A number in a file of its own; kNoLimit when there is no file or it says "max".
std::uint64_t limit_in(const std::filesystem::path& file) {
    std::ifstream stream(file);
    std::uint64_t limit = 0;
    return stream >> limit ? limit : kNoLimit;
}

// The tightest limit on the way from the group up to the root of its tree.
std::uint64_t limit_along(const std::filesystem::path& tree,
                          std::filesystem::path group,
                          const char* file) {
    std::uint64_t limit = limit_in(tree / file);
    group = group.relative_path();
    while (!group.empty()) {
        limit = std::min(limit, limit_in(tree / group / file));
        group = group.parent_path();
    }
    return limit;
}

// Lines of /proc/self/cgroup are "number:controllers:path"; version 2 has no controllers.
std::uint64_t cgroup_limit(const std::filesystem::path& root) {
    std::uint64_t limit = kNoLimit;
    std::ifstream groups(root / "proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) continue;
        const auto controllers = "," + line.substr(first + 1, second - first - 1) + ",";
        const std::filesystem::path path = line.substr(second + 1);
        if (controllers == ",,") {
            limit = std::min(limit, limit_along(root / "sys/fs/cgroup", path, "memory.max"));
        } else if (controllers.find(",memory,") != std::string::npos) {
            limit = std::min(
                    limit,
                    limit_along(root / "sys/fs/cgroup/memory", path, "memory.limit_in_bytes"));
        }
    }
    return limit;
}

std::uint64_t physical_memory(const std::filesystem::path& root) {
    std::ifstream information(root / "proc/meminfo");
    std::string name;
    std::uint64_t kibibytes = 0;
    if (information >> name >> kibibytes && name == "MemTotal:") return kibibytes * 1024;
    return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
           static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint32_t usable_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        return static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&set)));
    }
    return static_cast<std::uint32_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

// Empty when neither the environment nor the password file knows a home.
std::filesystem::path state_directory() {
    const char* state = std::getenv("XDG_STATE_HOME");
    if (state != nullptr && state[0] == '/') return state;
    const char* home = std::getenv("HOME");
    if (home != nullptr && home[0] == '/') return std::filesystem::path(home) / ".local/state";
    const passwd* user = getpwuid(geteuid());
    if (user != nullptr && user->pw_dir != nullptr && user->pw_dir[0] == '/') {
        return std::filesystem::path(user->pw_dir) / ".local/state";
    }
    return {};
}

}  // namespace

Machine inspect_machine(const std::filesystem::path& root) {
    return {.cores = usable_cores(),
            .memory_bytes = std::min(physical_memory(root), cgroup_limit(root)),
            .state_directory = state_directory()};
}

}  // namespace millrace::broker
