// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "codec/verifications.h"

#include "codec/table.h"
#include "schemas/verify_records_generated.h"

#include <array>
#include <span>

namespace millrace::detail {

EncodedRequest encode_verify_records(const Uuid& topic,
                                     std::uint32_t partition,
                                     std::int64_t from) {
    flatbuffers::FlatBufferBuilder builder(192);
    const std::array rows{wire::RecordVerification(to_wire(topic), partition, 0, from)};
    const auto vector = builder.CreateVectorOfStructs(rows.data(), rows.size());
    builder.Finish(wire::CreateVerifyRecordsRequest(builder, vector));
    return finish_request(builder, wire::Api::verify_records);
}

Result<VerifiedRow> decode_verify_records(const Response& response,
                                          const Uuid& topic,
                                          std::uint32_t partition,
                                          std::int64_t from) {
    const auto opened = open_response<wire::VerifyRecordsResponse>(response);
    if (!opened) return opened.error();
    const auto* partitions = (*opened)->partitions();
    if (partitions == nullptr || partitions->size() != 1) {
        return malformed_response("another number of partitions than the request");
    }
    if (!rows_are_aligned(partitions)) return misaligned_rows();
    const auto& from_wire_row = *partitions->Get(0);
    if (from_wire(from_wire_row.topic()) != topic || from_wire_row.partition() != partition) {
        return malformed_response("other partitions than the request");
    }
    std::vector<VerifiedRow> rows(1);
    auto& row = rows.front();
    row.error.code = static_cast<ErrorCode>(from_wire_row.error());
    row.at_end = from_wire_row.at_end() != 0;
    row.next_offset = from_wire_row.next_offset();
    // Else whoever goes on from there would never end.
    if (row.error.code == ErrorCode::none && !row.at_end && row.next_offset <= from) {
        return malformed_response("a verification that does not go on");
    }
    auto& found = row.found;
    found.segments = from_wire_row.segments();
    found.batches = from_wire_row.batches();
    found.records = from_wire_row.records();
    found.bytes = from_wire_row.bytes();
    found.damaged_in_all = from_wire_row.damaged();
    TextBudget budget(response);
    attach_messages((*opened)->messages(), budget, rows);
    for_each((*opened)->damaged(), [&](const wire::DamagedRange& range) {
        found.damaged.push_back({budget.take(range.file()),
                                 range.first_offset(),
                                 range.last_offset(),
                                 range.position(),
                                 budget.take(range.reason())});
    });
    return row;
}

}  // namespace millrace::detail
