// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a command would make of the catalogue: checks every item and works out the new topics.
#pragma once

#include "broker/cluster/catalog_state.h"
#include "broker/cluster/topic_command.h"

namespace millrace::broker {

// Keeps what metadata say of a topic within one table.
inline constexpr std::uint32_t kPartitionsPerTopicMax = 50'000;

struct PlanOptions {
    std::uint32_t default_partitions = 1;
    std::uint64_t message_bytes_max = 0;  // Of any topic: what the write-ahead log takes at once.
};

// Fills in the out-fields of the items, and `change` with what those without a problem do.
// `change.version` must be set. Does not touch the state.
void plan_changes(TopicCommand& command,
                  const CatalogState& state,
                  const PlanOptions& options,
                  CatalogChange& change);

// The records that make the change durable, in order. `state` is that before the change.
[[nodiscard]] std::vector<MetadataRecord> records_of(const CatalogChange& change,
                                                     const CatalogState& state);

}  // namespace millrace::broker
