// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/process_limits.h"

#include <algorithm>
#include <string>
#include <sys/resource.h>

namespace millrace::broker {

namespace {

constexpr std::uint64_t kDescriptorsKept = 256 + 64;  // Segments; and what a process has anyway.
constexpr std::uint64_t kDescriptorsOfShard = 32;     // Files of the WAL, ring, loop, folders.

}  // namespace

std::uint32_t fit_connections(std::uint32_t connections_max,
                              std::uint32_t shards,
                              engine::EventLog& events) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return connections_max;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return connections_max;
    }
    const std::uint64_t open_files = limit.rlim_cur;
    const auto kept = kDescriptorsKept + shards * kDescriptorsOfShard;
    const auto possible = open_files - std::min(kept, open_files / 2);
    if (possible >= connections_max) return connections_max;
    events.event(engine::Level::info,
                 "network.connections",
                 "fewer connections than configured fit the limit of open files (ulimit -n)",
                 {{"connections_max", std::to_string(possible)},
                  {"open_files", std::to_string(open_files)}});
    return static_cast<std::uint32_t>(possible);
}

}  // namespace millrace::broker
