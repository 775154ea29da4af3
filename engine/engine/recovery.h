// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Reads a data directory back: checkpoint, then every write-ahead log, then both put together by
// partition. Flushes no tail and looks into no topic's directory.
#pragma once

#include "engine/engine.h"
#include "engine/engine/recovered_state.h"

namespace millrace::engine {

// Blocks; before any shard runs. Errors: as Engine::recover.
[[nodiscard]] Result<RecoveredState> recover_state(const EngineOptions& options,
                                                   const EngineParts& parts,
                                                   Storage& storage);

// Says the gap, which is damage unless it was agreed to.
void report_gap(EventLog& events, const PartitionKey& key, const OffsetGap& gap, bool accepted);

}  // namespace millrace::engine
