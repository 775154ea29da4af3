// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The settings of a broker, parsed and checked. Defaults are explained in docs/.
#pragma once

#include "broker/base/config_value.h"
#include "engine/engine.h"
#include "engine/storage_root.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::broker {

// Names of listeners that are the broker's own.
inline constexpr std::string_view kUnixListener = "local";
inline constexpr std::string_view kHttpListener = "http";

struct ListenerOptions {
    std::string name;          // [listener.NAME]
    std::string bind;          // "HOST:PORT" or "unix:PATH"
    std::string bind_place{};  // Where it was set: file, line and column; empty: by default.
    // What clients are told to dial; no host: the address they dialled.
    std::string advertised_host{};
    std::uint16_t advertised_port = 0;
};

struct NodeOptions {
    std::int32_t node_id = 1;
    std::filesystem::path data_directory;
    std::uint32_t shards = 1;
    std::chrono::microseconds spin{0};
    std::chrono::seconds lock_wait{60};  // For the lock of a data directory.
    engine::Level log_level = engine::Level::info;
    std::vector<ListenerOptions> listeners;
    std::string http_bind = "off";  // Or as a listener's.
    std::string http_bind_place{};
    bool allow_unauthenticated = false;

    engine::IoChoice io = engine::IoChoice::automatic;
    engine::CommitMode commit = engine::CommitMode::automatic;
    std::uint32_t groups_in_flight = 2;
    std::uint64_t wal_bytes = 0;  // 0: from file system and memory.
    bool accept_wal_loss = false;
    std::uint64_t memory_total = 0;  // 0: min(1 GiB, 25 % of RAM or cgroup).

    std::uint32_t request_bytes_max = 16U << 20;
    std::uint32_t requests_in_flight_max = 256;
    std::uint32_t bytes_in_flight_max = 32U << 20;
    std::uint32_t connections_max = 10'000;

    bool auto_create_topics = false;
    std::uint32_t default_partitions = 1;
    std::uint64_t compaction_bytes_per_second = 64U << 20;
    std::int64_t scrub_interval_ms = 7LL * 24 * 3600 * 1000;  // 0: only when asked.
    std::uint64_t scrub_bytes_per_second = 16U << 20;
    std::int64_t producer_expiration_ms = 24LL * 3600 * 1000;
    // The broker's own logs keep everything; what users store is kept for a week.
    engine::LogConfig topic_defaults{.retention_ms = 7LL * 24 * 3600 * 1000};

    // Every setting as it is in force, in the order of the table of keys.
    std::vector<ConfigValue> effective;
};

}  // namespace millrace::broker
