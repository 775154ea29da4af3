// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Samples of all topics of which a shard owns partitions, taken a little in each turn of its loop.
#pragma once

#include "broker/base/shard_sample.h"
#include "broker/cluster/catalog_view.h"
#include "broker/partition/partition_table.h"

#include <cstdint>
#include <memory>

namespace millrace::broker {

// The topics are those of this moment, in order of their names. A partition that was never used,
// or is deleted before its turn has come, counts with zeros. `partitions` outlives the walk.
[[nodiscard]] std::unique_ptr<SampleWalk> walk_topics(const CatalogView& catalog,
                                                      PartitionTable& partitions,
                                                      std::uint32_t shard,
                                                      std::uint32_t shards,
                                                      SampleDetail detail);

}  // namespace millrace::broker
