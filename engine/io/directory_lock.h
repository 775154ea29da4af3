// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One process per data directory: a lock on its file `lock`, whose first line names the process.
//
// The lock belongs to the open file, not to the process: every ring holds the descriptor too, so
// that the kernel keeps it until the last write of a killed process has landed.
#pragma once

#include "engine/event_log.h"
#include "engine/io/descriptor.h"
#include "engine/result.h"

#include <chrono>

namespace millrace::engine {

inline constexpr const char* kLockFile = "lock";

// Opens kLockFile in the directory, waits up to `wait` for its lock, and says so once.
// Errors: locked, io_failed.
[[nodiscard]] Result<Descriptor> lock_directory(int directory,
                                                std::chrono::seconds wait,
                                                EventLog& events);

}  // namespace millrace::engine
