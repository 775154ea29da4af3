// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/partition/record_compactions.h"
#include "broker/protocol/api.h"
#include "broker/protocol/request_checks.h"
#include "broker/protocol/row_messages.h"
#include "broker/request/call.h"
#include "broker/request/scatter.h"

#include <vector>

namespace millrace::broker {

void handle_compact_records(RequestContext& context,
                            ClientConnection& connection,
                            IncomingFrame&& frame) noexcept;

// One request to compact partitions or to hear of it, asked of every partition's shard. Answered at
// once, whether they are finished or not.
class CompactRecords final : public Scatter {
public:
    void start(const Call& call, const wire::CompactRecordsRequest& request);

private:
    struct Row {
        engine::PartitionKey key;
        std::uint64_t ticket = 0;
        bool compacted = false;  // By its settings.
        CompactionAnswer answer;
        Port* port = nullptr;
    };

    void run_port(Port& port) noexcept override;
    void joined() noexcept override;
    void respond() noexcept;
    [[nodiscard]] wire::ErrorCode code_of(const Row& row) const noexcept;
    [[nodiscard]] std::string message_of(const Row& row, wire::ErrorCode code) const;
    [[nodiscard]] RowMessages write_messages(flatbuffers::FlatBufferBuilder& builder);

    Call call_;
    std::vector<Row> rows_;
};

}  // namespace millrace::broker
