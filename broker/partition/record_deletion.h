// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Deleting records at the front of a partition: below an offset, or what retention keeps no longer.
//
// Thread:      the partition's shard's loop.
#pragma once

#include "broker/partition/partition_table.h"

#include <cstdint>

namespace millrace::broker {

enum class DeletionKind : std::uint8_t { before_offset, all, expired };

enum class DeletionProblem : std::uint8_t {
    none,
    unknown_topic,
    unknown_partition,
    refused,  // The engine's error says why.
};

// Owned by the asker, kept still until `done`, which runs exactly once, perhaps within
// delete_records(). Durability: what is gone then does not come back.
struct RecordDeletion {
    // In.
    engine::PartitionKey key;
    DeletionKind kind = DeletionKind::before_offset;
    engine::Offset before;  // before_offset.
    void (*done)(RecordDeletion& deletion) noexcept = nullptr;
    void* owner = nullptr;

    // Out.
    DeletionProblem problem = DeletionProblem::none;
    engine::Error error;
    engine::Offset log_start{-1};
    std::uint32_t segments = 0;
    std::uint64_t bytes = 0;

    engine::DeleteOp op;  // The deletion's own while it is under way.
};

void delete_records(RecordDeletion& deletion, PartitionSource& source) noexcept;

}  // namespace millrace::broker
