// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "codec/offsets.h"

#include "codec/table.h"
#include "schemas/offsets_generated.h"

namespace millrace::detail {

EncodedRequest encode_list_offsets(std::span<const OffsetRow> rows) {
    flatbuffers::FlatBufferBuilder builder(128 + rows.size() * sizeof(wire::OffsetQuery));
    const auto vector = write_rows<wire::OffsetQuery>(builder, rows, [](const OffsetRow& row) {
        return wire::OffsetQuery(to_wire(row.topic), row.partition, -1, row.timestamp);
    });
    builder.Finish(wire::CreateListOffsetsRequest(builder, vector));
    return finish_request(builder, wire::Api::list_offsets);
}

Result<std::vector<ListedRow>> decode_list_offsets(const Response& response,
                                                   std::span<const OffsetRow> rows) {
    const auto opened = open_response<wire::ListOffsetsResponse>(response);
    if (!opened) return opened.error();
    const auto* partitions = (*opened)->partitions();
    if (partitions == nullptr || partitions->size() != rows.size()) {
        return malformed_response("another number of partitions than the request");
    }
    if (!rows_are_aligned(partitions)) return misaligned_rows();
    std::vector<ListedRow> listed;
    listed.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto& partition = *partitions->Get(static_cast<flatbuffers::uoffset_t>(i));
        if (from_wire(partition.topic()) != rows[i].topic ||
            partition.partition() != rows[i].partition) {
            return malformed_response("other partitions than the request");
        }
        ListedRow row;
        row.offset = partition.offset();
        row.timestamp = partition.timestamp();
        row.log_start_offset = partition.log_start_offset();
        row.high_watermark = partition.high_watermark();
        row.size_bytes = partition.size_bytes();
        row.error.code = static_cast<ErrorCode>(partition.error());
        if (row.error.code == ErrorCode::none &&
            (row.log_start_offset < 0 || row.high_watermark < row.log_start_offset ||
             row.offset < -1)) {
            return malformed_response("impossible offsets");
        }
        listed.push_back(std::move(row));
    }
    TextBudget budget(response);
    attach_messages((*opened)->messages(), budget, listed);
    return listed;
}

}  // namespace millrace::detail
