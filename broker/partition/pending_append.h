// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One append on its way into a log of its shard.
#pragma once

#include "broker/base/timer.h"
#include "engine/log.h"

#include <atomic>
#include <cstdint>

namespace millrace::broker {

enum class AppendProblem : std::uint8_t {
    none,
    unknown_topic,
    unknown_partition,
    timed_out,
    refused
};

class AppendQueue;
class ParkedAppends;

// Owned by the caller, kept still until `done` has run, which is exactly once and perhaps within
// submit().
struct PendingAppend {
    // In.
    engine::PartitionKey key;
    engine::AppendOp op;               // batches and durability; the rest is the queue's.
    engine::MonotonicTime deadline{};  // Parked beyond it: timed_out, and nothing was appended.
    // The batches are no longer needed: taken by the log, or given up. Before `done`.
    void (*released)(PendingAppend& append) noexcept = nullptr;
    void (*done)(PendingAppend& append) noexcept = nullptr;
    void* owner = nullptr;
    std::atomic<std::uint64_t>* account = nullptr;  // Its bytes are counted here while parked.

    // Out.
    AppendProblem problem = AppendProblem::none;
    engine::Error error;  // Of `refused`.
    engine::Offset log_start{-1};
    bool opened_too_large = false;  // `refused`: what a compressed batch becomes is too large.

    // The queue's.
    PendingAppend* next = nullptr;
    PendingAppend* previous = nullptr;
    ParkedAppends* list = nullptr;  // While parked.
    Timer timer;
    AppendQueue* queue = nullptr;
};

}  // namespace millrace::broker
