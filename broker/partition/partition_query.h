// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Questions about where a partition's records lie: by position, by time, by leader epoch.
//
// Thread:      the partition's shard's loop.
#pragma once

#include "broker/partition/partition_table.h"

#include <cstdint>

namespace millrace::broker {

enum class QueryKind : std::uint8_t { start, end, largest_timestamp, time, epoch_end };

enum class QueryProblem : std::uint8_t {
    none,
    unknown_topic,
    unknown_partition,
    fenced_leader_epoch,
    unknown_leader_epoch,
    refused,  // The engine's error says why.
};

// Owned by the asker, kept still until `done`, which runs exactly once, perhaps within ask().
struct PartitionQuery {
    // In.
    engine::PartitionKey key;
    QueryKind kind = QueryKind::end;
    engine::TimestampMs timestamp = -1;  // time.
    engine::LeaderEpoch epoch = -1;      // What the asker takes for the present one; -1: any.
                                         // epoch_end: the one whose end is asked for.
    void (*done)(PartitionQuery& query) noexcept = nullptr;
    void* owner = nullptr;

    // Out.
    QueryProblem problem = QueryProblem::none;
    engine::Error error;
    engine::Offset offset{-1};  // -1: none.
    engine::TimestampMs found_timestamp = -1;
    engine::LeaderEpoch found_epoch = -1;
    engine::Offset log_start{-1};
    engine::Offset high_watermark{-1};
    std::uint64_t size_bytes = 0;

    // The query's own while it is under way.
    engine::TimeLookupOp lookup;
    engine::Log* log = nullptr;
    engine::TimestampMs lowest = 0;   // largest_timestamp: a record at it was found ...
    engine::TimestampMs highest = 0;  // ... and none is above it.
};

void ask(PartitionQuery& query, PartitionSource& source) noexcept;

}  // namespace millrace::broker
