// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Verifying what is stored of a partition, some segments at a time.
//
// Thread:      the partition's shard's loop.
#pragma once

#include "broker/partition/partition_table.h"

#include <cstdint>

namespace millrace::broker {

enum class VerificationProblem : std::uint8_t {
    none,
    unknown_topic,
    unknown_partition,
    failed,  // The engine's error says why.
};

// Owned by the asker, kept still until `done`, which runs exactly once, perhaps within
// verify_records().
struct RecordVerification {
    // In.
    engine::PartitionKey key;
    engine::Offset from;
    void (*done)(RecordVerification& verification) noexcept = nullptr;
    void* owner = nullptr;

    // Out.
    VerificationProblem problem = VerificationProblem::none;
    engine::Error error;
    engine::VerifyOp op;  // What was found; the verification's own while it is under way.
};

void verify_records(RecordVerification& verification, PartitionSource& source) noexcept;

}  // namespace millrace::broker
