// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What recovery found of one partition: what the checkpoint says lies in segments, and the WAL
// entries that follow it, in offset order and without a gap. The first entry may begin below the
// row's flushed_offset (a run may end between two batches of one entry).
#pragma once

#include "engine/format/checkpoint.h"
#include "engine/wal/wal_appender.h"

#include <vector>

namespace millrace::engine {

struct RecoveredBatches {
    WalPlace place;  // One append entry's payload: whole batches with final offsets.
    Offset base;
    Offset end;  // One above the last offset.
};

struct RecoveredLog {
    PartitionRow row;
    std::vector<RecoveredBatches> tail;
};

}  // namespace millrace::engine
