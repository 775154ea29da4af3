// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/node_options.h"
#include "broker/net/frame_handler.h"
#include "schemas/describe_cluster_generated.h"

namespace millrace::broker {

using BrokerInfos = flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<wire::BrokerInfo>>>;

// The brokers of the cluster, as the client behind `peer` can reach them.
[[nodiscard]] BrokerInfos write_brokers(flatbuffers::FlatBufferBuilder& builder,
                                        const Peer& peer,
                                        const NodeOptions& options);

}  // namespace millrace::broker
