// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The broker, put together: settings, data directory, engine, shards, listeners, in this order, and
// back again.
//
// Lifecycle:   run() once; it returns after a stop, or when the start is refused. A failed disk, or
//              a second signal, ends the process from within.
// Thread:      the main one, which accepts connections and handles signals.
#pragma once

#include "broker/base/node_options.h"
#include "engine/clock.h"
#include "engine/event_log.h"

#include <filesystem>
#include <optional>

namespace millrace::broker {

// What scripts and service managers see.
inline constexpr int kExitStopped = 0;
inline constexpr int kExitRefused = 2;  // Settings or data directory.
inline constexpr int kExitFailed = 74;  // Input or output.

struct BrokerParts {
    NodeOptions options;
    std::optional<std::filesystem::path> ready_file;
    engine::Clock& clock;
    engine::EventLog& events;
};

// Why a start is refused goes to the event log, and as a plain sentence to stderr.
[[nodiscard]] int run_broker(BrokerParts parts);

// The checks of --check: everything that can be said without touching the data directory.
[[nodiscard]] int check_broker(const NodeOptions& options);

}  // namespace millrace::broker
