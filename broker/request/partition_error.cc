// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/partition_error.h"

#include "broker/cluster/catalog_view.h"
#include "broker/protocol/wire_error.h"

namespace millrace::broker {

std::string partition_error_message(const CatalogView& catalog,
                                    const engine::PartitionKey& key,
                                    wire::ErrorCode code) {
    const auto* topic = catalog.find(key.topic);
    if (topic == nullptr) return unknown_topic_message({});
    if (code == wire::ErrorCode::unknown_partition) {
        return unknown_partition_message(topic->name, key.partition, topic->partitions);
    }
    return std::string(wire::row_of(code).sentence);
}

}  // namespace millrace::broker
