// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Compactions of this shard's partitions that somebody has asked for. One may take longer than
// anybody waits for an answer: it has a ticket, by which whoever asked hears later what it did.
//
// Lifecycle:   one per shard; it outlives the shard's engine stopping.
// Thread:      its shard's loop.
// Bounds:      one compaction of a partition at a time; of so many that are over it is known what
//              they did.
#pragma once

#include "broker/partition/partition_table.h"

#include <cstdint>
#include <map>
#include <memory>

namespace millrace::broker {

enum class CompactionProblem : std::uint8_t {
    none,
    unknown_topic,
    unknown_partition,
    unknown_ticket,  // The broker was started since, or it is long over.
    refused,         // The engine's error says why.
};

struct CompactionAnswer {
    CompactionProblem problem = CompactionProblem::none;
    engine::Error error{};
    std::uint64_t ticket = 0;
    bool finished = false;
    engine::CompactionCounts counts{};
};

class RecordCompactions {
public:
    RecordCompactions() = default;
    RecordCompactions(const RecordCompactions&) = delete;
    RecordCompactions& operator=(const RecordCompactions&) = delete;

    // Ticket 0: begins one, or joins the one that is under way.
    [[nodiscard]] CompactionAnswer ask(const engine::PartitionKey& key,
                                       std::uint64_t ticket,
                                       PartitionSource& source);

private:
    struct Compaction : engine::CompactOp {
        engine::PartitionKey key;
        bool finished = false;
    };

    [[nodiscard]] CompactionAnswer begin(const engine::PartitionKey& key, PartitionSource& source);
    [[nodiscard]] static CompactionAnswer answer_of(std::uint64_t ticket,
                                                    const Compaction& compaction);
    void forget_oldest();

    std::map<std::uint64_t, std::unique_ptr<Compaction>> compactions_;  // By ticket.
    std::uint64_t last_ticket_ = 0;
};

}  // namespace millrace::broker
