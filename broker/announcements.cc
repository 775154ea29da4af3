// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/announcements.h"

#include "broker/config/units.h"
#include "broker/protocol/uuid.h"

#include <csignal>
#include <cstring>

namespace millrace::broker {

void announce_listener(engine::EventLog& events,
                       const std::string& name,
                       const std::string& address) {
    events.event(engine::Level::info,
                 "listener.open",
                 "clients may connect",
                 {{"listener", name}, {"address", address}});
}

void announce_exposure(engine::EventLog& events, bool loopback_only) {
    if (loopback_only) {
        events.event(engine::Level::info, "security.open", "no authentication: loopback only", {});
        return;
    }
    events.event(engine::Level::warning,
                 "security.open",
                 "NO AUTHENTICATION: everybody who can reach this machine may read, write and "
                 "delete everything (security.allow_unauthenticated)",
                 {});
}

void announce_ready(engine::EventLog& events,
                    const NodeOptions& options,
                    const OpenedData& data,
                    std::chrono::nanoseconds took) {
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(took).count();
    events.event(engine::Level::info,
                 "broker.ready",
                 "ready",
                 {{"data_dir", data.root->directory().string()},
                  {"io", std::string(data.root->io_name())},
                  {"shards", std::to_string(options.shards)},
                  {"memory", format_size(options.memory_total)},
                  {"wal", format_size(data.sizes.wal_bytes)},
                  {"cluster_id", uuid_text(data.identity.cluster_id)},
                  {"start_ms", std::to_string(milliseconds)}});
}

void announce_in_file(engine::EventLog& events,
                      const std::filesystem::path& path,
                      const ReadyState& state) {
    if (const int error = write_ready_file(path, state); error != 0) {
        events.event(engine::Level::error,
                     "broker.ready_file",
                     "the ready file cannot be written",
                     {{"path", path.string()}, {"error", std::strerror(error)}});
    }
}

void announce_stop(engine::EventLog& events, int signal, bool at_once) {
    if (at_once) {
        events.event(engine::Level::warning,
                     "broker.killed",
                     "a second signal: the broker ends at once, and the next start replays",
                     {});
        return;
    }
    events.event(engine::Level::info,
                 "broker.stopping",
                 "the broker stops; a second signal ends it at once",
                 {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
}

void announce_stopped(engine::EventLog& events, bool stored) {
    events.event(engine::Level::info,
                 "broker.stopped",
                 stored ? "every record lies in segment files"
                        : "acknowledged records lie in the write-ahead log",
                 {});
}

}  // namespace millrace::broker
