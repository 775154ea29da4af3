// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/partition/record_deletion.h"
#include "broker/protocol/api.h"
#include "broker/protocol/request_checks.h"
#include "broker/protocol/row_messages.h"
#include "broker/request/call.h"
#include "broker/request/scatter.h"

#include <vector>

namespace millrace::broker {

void handle_delete_records(RequestContext& context,
                           ClientConnection& connection,
                           IncomingFrame&& frame) noexcept;

// One request to delete records, asked of every partition's shard. Answered when all of them are
// durable.
class DeleteRecords final : public Scatter {
public:
    void start(const Call& call, const wire::DeleteRecordsRequest& request);

private:
    struct Row {
        RecordDeletion deletion;
        Port* port = nullptr;
    };

    void run_port(Port& port) noexcept override;
    void joined() noexcept override;
    void respond() noexcept;
    [[nodiscard]] RowMessages write_messages(flatbuffers::FlatBufferBuilder& builder);

    Call call_;
    std::vector<Row> rows_;
};

}  // namespace millrace::broker
