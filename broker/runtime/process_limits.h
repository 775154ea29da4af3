// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/event_log.h"

#include <cstdint>

namespace millrace::broker {

// Raises the limit of open files as far as the system lets us. Returns how many connections fit it
// beside the files of the broker and its shards: `connections_max`, or less, with an event.
[[nodiscard]] std::uint32_t fit_connections(std::uint32_t connections_max,
                                            std::uint32_t shards,
                                            engine::EventLog& events);

}  // namespace millrace::broker
