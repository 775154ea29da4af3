// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/partition/record_verification.h"
#include "broker/protocol/api.h"
#include "broker/protocol/request_checks.h"
#include "broker/protocol/row_messages.h"
#include "broker/request/call.h"
#include "broker/request/scatter.h"

#include <vector>

namespace millrace::broker {

void handle_verify_records(RequestContext& context,
                           ClientConnection& connection,
                           IncomingFrame&& frame) noexcept;

// One request to verify records, asked of every partition's shard.
class VerifyRecords final : public Scatter {
public:
    void start(const Call& call, const wire::VerifyRecordsRequest& request);

private:
    struct Row {
        RecordVerification verification;
        Port* port = nullptr;
    };

    void run_port(Port& port) noexcept override;
    void joined() noexcept override;
    void respond() noexcept;
    [[nodiscard]] RowMessages write_messages(flatbuffers::FlatBufferBuilder& builder);

    using Ranges =
            flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<wire::DamagedRange>>>;
    [[nodiscard]] Ranges write_ranges(flatbuffers::FlatBufferBuilder& builder);

    Call call_;
    std::vector<Row> rows_;
};

}  // namespace millrace::broker
