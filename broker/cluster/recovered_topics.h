// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/cluster/catalog_state.h"
#include "broker/cluster/metadata_log.h"
#include "engine/engine.h"

#include <vector>

namespace millrace::broker {

// Drops recovered partitions of deleted topics, tells the engine that all is decided, and gives
// those of live topics. Deleted ids that no write-ahead log can hold any more are forgotten.
// Thread: shard 0's, once, with the metadata log read. Errors: unknown_topic_id (data of a topic
// that never was; with `accept_wal_loss` a warning, and the data stay where they are), the
// engine's.
[[nodiscard]] engine::Result<std::vector<engine::PartitionKey>> decide_recovered(
        CatalogState& state,
        MetadataLog& log,
        engine::Engine& engine,
        engine::EventLog& events,
        bool accept_wal_loss);

}  // namespace millrace::broker
