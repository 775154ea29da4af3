// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/broker_info.h"

#include "broker/request/listener_address.h"
#include "broker/request/version.h"

namespace millrace::broker {

BrokerInfos write_brokers(flatbuffers::FlatBufferBuilder& builder,
                          const Peer& peer,
                          const NodeOptions& options) {
    const auto address = address_for(peer, options);
    const auto host = builder.CreateString(address.host);
    const auto version = builder.CreateString(kVersion.data(), kVersion.size());
    wire::BrokerInfoBuilder info(builder);
    info.add_id(options.node_id);
    info.add_host(host);
    info.add_port(address.port);
    info.add_version(version);
    const auto broker = info.Finish();
    return builder.CreateVector(&broker, 1);
}

}  // namespace millrace::broker
