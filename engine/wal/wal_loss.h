// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What can be said about groups of a WAL that had been flushed and are not there.
//
// Thread:      one, before shards run; blocks.
#pragma once

#include "engine/event_log.h"
#include "engine/format/checkpoint.h"
#include "engine/result.h"
#include "engine/wal/wal_directory.h"
#include "engine/wal/wal_replay.h"
#include "engine/wal/wal_scan.h"

#include <string_view>
#include <vector>

namespace millrace::engine {

// Reads the `later` groups that are whole for the partitions in them. Errors: io_failed.
[[nodiscard]] Result<WalLoss> describe_loss(WalDirectory& directory,
                                            const WalPosition& end,
                                            const std::vector<ScannedGroup>& later);

// One event: file, position, and per partition the offsets that may be missing.
void report_loss(EventLog& events,
                 const WalLoss& loss,
                 const ReplayedWal& replayed,
                 std::string_view why,
                 bool accepted);

}  // namespace millrace::engine
