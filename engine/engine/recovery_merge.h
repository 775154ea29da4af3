// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Puts the entries of all WAL directories together by partition: run by run, in offset order,
// behind what the checkpoint says lies in segments.
#pragma once

#include "engine/engine/recovered_state.h"
#include "engine/event_log.h"
#include "engine/result.h"

namespace millrace::engine {

// Takes rows of state.checkpoint and entries of state.wals into state.shards, whose number is that
// of this run. Entries that segments already hold are released. A gap is kept with its partition,
// because the entries of a partition that was deleted may begin anywhere; what follows a gap is
// dropped.
// Errors: newer_format, damaged_wal (an entry that no run of this version can have written).
[[nodiscard]] Result<void> merge_recovered(RecoveredState& state, EventLog& events);

}  // namespace millrace::engine
