// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a broker says of itself to whoever started it: events of the log, and the ready file.
#pragma once

#include "broker/base/node_options.h"
#include "broker/opened_data.h"
#include "broker/runtime/ready_file.h"
#include "engine/event_log.h"

#include <chrono>
#include <filesystem>
#include <string>

namespace millrace::broker {

void announce_listener(engine::EventLog& events,
                       const std::string& name,
                       const std::string& address);

// Loudly when everybody who can reach this machine may do everything.
void announce_exposure(engine::EventLog& events, bool loopback_only);

void announce_ready(engine::EventLog& events,
                    const NodeOptions& options,
                    const OpenedData& data,
                    std::chrono::nanoseconds took);

// A ready file that cannot be written is an event: the broker serves all the same.
void announce_in_file(engine::EventLog& events,
                      const std::filesystem::path& path,
                      const ReadyState& state);

// `at_once`: it is the second signal, and the process ends.
void announce_stop(engine::EventLog& events, int signal, bool at_once);

// `stored`: the last checkpoint was written.
void announce_stopped(engine::EventLog& events, bool stored);

}  // namespace millrace::broker
