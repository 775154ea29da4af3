// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "codec/deletions.h"

#include "codec/table.h"
#include "schemas/delete_records_generated.h"

namespace millrace::detail {

EncodedRequest encode_delete_records(std::span<const DeletionRow> rows) {
    flatbuffers::FlatBufferBuilder builder(128 + rows.size() * sizeof(wire::RecordDeletion));
    const auto vector = write_rows<wire::RecordDeletion>(builder, rows, [](const DeletionRow& row) {
        return wire::RecordDeletion(to_wire(row.topic), row.partition, 0, row.before);
    });
    builder.Finish(wire::CreateDeleteRecordsRequest(builder, vector));
    return finish_request(builder, wire::Api::delete_records);
}

Result<std::vector<DeletedRow>> decode_delete_records(const Response& response,
                                                      std::span<const DeletionRow> rows) {
    const auto opened = open_response<wire::DeleteRecordsResponse>(response);
    if (!opened) return opened.error();
    const auto* partitions = (*opened)->partitions();
    if (partitions == nullptr || partitions->size() != rows.size()) {
        return malformed_response("another number of partitions than the request");
    }
    if (!rows_are_aligned(partitions)) return misaligned_rows();
    std::vector<DeletedRow> deleted;
    deleted.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto& partition = *partitions->Get(static_cast<flatbuffers::uoffset_t>(i));
        if (from_wire(partition.topic()) != rows[i].topic ||
            partition.partition() != rows[i].partition) {
            return malformed_response("other partitions than the request");
        }
        DeletedRow row;
        row.log_start_offset = partition.log_start_offset();
        row.segments = partition.segments();
        row.bytes = partition.bytes();
        row.error.code = static_cast<ErrorCode>(partition.error());
        const bool done = row.error.code == ErrorCode::none;
        if (done && row.log_start_offset < rows[i].before) {
            return malformed_response("a log start below the one that was asked for");
        }
        if (done && row.log_start_offset < 0) return malformed_response("impossible offsets");
        deleted.push_back(std::move(row));
    }
    TextBudget budget(response);
    attach_messages((*opened)->messages(), budget, deleted);
    return deleted;
}

}  // namespace millrace::detail
