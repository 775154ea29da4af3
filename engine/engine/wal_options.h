// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What the engine's options mean for the WAL of one shard.
#pragma once

#include "engine/engine.h"
#include "engine/wal/wal_writer.h"

#include <cstdint>

namespace millrace::engine {

// Size of each file of a WAL.
[[nodiscard]] std::uint64_t wal_file_bytes(const EngineOptions& options);

[[nodiscard]] WalOptions wal_options(const EngineOptions& options,
                                     std::uint32_t run_number,
                                     std::uint32_t shard,
                                     const Storage& storage);

// One event: how groups become durable, and why.
void report_commit_mode(EventLog& events, const EngineOptions& options, const Storage& storage);

}  // namespace millrace::engine
