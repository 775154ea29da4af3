// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The whole process at one moment, for metrics and health checks, and who can take such a sample.
#pragma once

#include "broker/base/shard_sample.h"
#include "engine/clock.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::broker {

enum class NodeState : std::uint8_t {
    starting,  // Recovers; nobody can connect.
    serving,
    stopping,
};

inline constexpr std::string_view kNodeStateNames[] = {"starting", "serving", "stopping"};

struct ListenerSample {
    std::string listener;
    std::uint64_t turned_away = 0;  // No room, or accept failed.
};

struct PoolSample {
    std::string_view pool;
    std::uint64_t used_bytes = 0;
    std::uint64_t limit_bytes = 0;
};

struct BrokerSample {
    NodeState state = NodeState::starting;
    std::string_view io;
    std::filesystem::path data_directory;
    double start_time = 0;  // Seconds of Unix time.
    double recovery_seconds = 0;
    std::uint64_t disk_free_bytes = 0;
    std::uint64_t disk_size_bytes = 0;
    std::vector<ListenerSample> listeners;
    std::vector<PoolSample> pools;
    // By shard; of one that did not answer as it was before. None before the shards run.
    std::vector<ShardSample> shards;
    std::vector<std::uint32_t> silent;  // Shards that did not answer in time.
};

// Thread: any but a shard's; calls take turns.
class SampleSource {
public:
    // How long a shard may take to answer. Its loop is stuck when it needs that long.
    static constexpr std::chrono::seconds kPatience{1};

    virtual ~SampleSource() = default;

    // Blocks until every shard has answered, or kPatience is over.
    [[nodiscard]] virtual BrokerSample sample(SampleDetail detail) = 0;

protected:
    SampleSource() = default;
    SampleSource(const SampleSource&) = default;
    SampleSource& operator=(const SampleSource&) = default;
};

}  // namespace millrace::broker
