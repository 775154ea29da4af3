// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/partition/partition_query.h"
#include "broker/protocol/api.h"
#include "broker/protocol/request_checks.h"
#include "broker/protocol/row_messages.h"
#include "broker/request/call.h"
#include "broker/request/scatter.h"

#include <vector>

namespace millrace::broker {

void handle_list_offsets(RequestContext& context,
                         ClientConnection& connection,
                         IncomingFrame&& frame) noexcept;
void handle_offset_for_leader_epoch(RequestContext& context,
                                    ClientConnection& connection,
                                    IncomingFrame&& frame) noexcept;

// One request about where records lie, asked of every partition's shard.
class PartitionQueries final : public Scatter {
public:
    void start(const Call& call, const wire::ListOffsetsRequest& request);
    void start(const Call& call, const wire::OffsetForLeaderEpochRequest& request);

private:
    struct Row {
        PartitionQuery query;
        Port* port = nullptr;
    };

    void begin(const Call& call, std::size_t rows);
    void ask_all();
    void run_port(Port& port) noexcept override;
    void joined() noexcept override;
    void respond_list_offsets() noexcept;
    void respond_epoch_ends() noexcept;
    [[nodiscard]] RowMessages write_messages(flatbuffers::FlatBufferBuilder& builder);

    Call call_;
    std::vector<Row> rows_;
    bool epoch_ends_ = false;
};

}  // namespace millrace::broker
