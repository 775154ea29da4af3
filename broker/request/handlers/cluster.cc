// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/handlers/cluster.h"

#include "broker/protocol/request_checks.h"
#include "broker/protocol/uuid.h"
#include "broker/request/broker_info.h"
#include "broker/request/call.h"
#include "broker/request/request_context.h"
#include "broker/request/verified_call.h"

namespace millrace::broker {

void handle_describe_cluster(RequestContext& context,
                             ClientConnection& connection,
                             IncomingFrame&& frame) noexcept {
    Call call;
    const auto request =
            begin_verified<wire::DescribeClusterRequest>(call, context, connection, frame);
    if (!request) return;
    if (call.peer() != nullptr) {
        auto& cluster = context.cluster();
        auto& writer = context.writer();
        auto& builder = writer.begin();
        const auto brokers = write_brokers(builder, *call.peer(), cluster.options);
        const auto io = builder.CreateString(context.io_name().data(), context.io_name().size());
        const auto cluster_id = to_wire(engine::TopicId{cluster.cluster_id});
        wire::DescribeClusterResponseBuilder response(builder);
        response.add_cluster_id(&cluster_id);
        response.add_controller(cluster.options.node_id);
        response.add_brokers(brokers);
        response.add_io(io);
        response.add_shards(cluster.shards());
        response.add_topics(static_cast<std::uint32_t>(context.catalog().topics().size()));
        response.add_partitions(static_cast<std::uint32_t>(context.catalog().partition_count()));
        const auto root = response.Finish();
        call.send_table(writer.finish(root));
    }
    call.finish();
}

}  // namespace millrace::broker
