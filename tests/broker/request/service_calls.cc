// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/protocol/uuid.h"
#include "tests/broker/request/requests.h"
#include "tests/broker/request/service_rig.h"

#include <gtest/gtest.h>

namespace millrace::testing {

engine::TopicId create(ServiceRig& rig,
                       PeerDouble& peer,
                       const std::string& name,
                       std::uint32_t partitions,
                       const Settings& config) {
    const auto answer = rig.ask(peer, create_topic_request(name, partitions, config));
    const auto* response = answer.as<wire::CreateTopicsResponse>();
    EXPECT_NE(response, nullptr);
    if (response == nullptr || response->topics() == nullptr || response->topics()->size() != 1) {
        ADD_FAILURE() << "topic " << name << " was not created: " << answer.message();
        return {};
    }
    const auto* topic = response->topics()->Get(0);
    EXPECT_EQ(topic->error(), 0) << (topic->message() ? topic->message()->str() : "");
    return broker::from_wire(*topic->id());
}

std::int64_t produce_one(ServiceRig& rig,
                         PeerDouble& peer,
                         const engine::PartitionKey& key,
                         const std::string& value) {
    const auto answer = rig.ask(peer, produce_request({{key, batch_of({value})}}));
    const auto* response = answer.as<wire::ProduceResponse>();
    EXPECT_NE(response, nullptr);
    if (response == nullptr) return -0xFFFF;
    if (response->error() != 0) return -response->error();
    const auto* row = response->partitions()->Get(0);
    return row->error() != 0 ? -row->error() : row->base_offset();
}

}  // namespace millrace::testing
