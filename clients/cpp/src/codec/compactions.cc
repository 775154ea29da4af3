// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "codec/compactions.h"

#include "codec/table.h"
#include "schemas/compact_records_generated.h"

namespace millrace::detail {

EncodedRequest encode_compact_records(std::span<const CompactionRow> rows) {
    flatbuffers::FlatBufferBuilder builder(128 + rows.size() * sizeof(wire::RecordCompaction));
    const auto vector =
            write_rows<wire::RecordCompaction>(builder, rows, [](const CompactionRow& row) {
                return wire::RecordCompaction(to_wire(row.topic), row.partition, 0, row.ticket);
            });
    builder.Finish(wire::CreateCompactRecordsRequest(builder, vector));
    return finish_request(builder, wire::Api::compact_records);
}

Result<std::vector<CompactedRow>> decode_compact_records(const Response& response,
                                                         std::span<const CompactionRow> rows) {
    const auto opened = open_response<wire::CompactRecordsResponse>(response);
    if (!opened) return opened.error();
    const auto* partitions = (*opened)->partitions();
    if (partitions == nullptr || partitions->size() != rows.size()) {
        return malformed_response("another number of partitions than the request");
    }
    if (!rows_are_aligned(partitions)) return misaligned_rows();
    std::vector<CompactedRow> compacted;
    compacted.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto& partition = *partitions->Get(static_cast<flatbuffers::uoffset_t>(i));
        if (from_wire(partition.topic()) != rows[i].topic ||
            partition.partition() != rows[i].partition) {
            return malformed_response("other partitions than the request");
        }
        CompactedRow row;
        row.ticket = partition.ticket();
        row.finished = partition.finished() != 0;
        row.segments_before = partition.segments_before();
        row.segments_after = partition.segments_after();
        row.records_before = partition.records_before();
        row.records_after = partition.records_after();
        row.bytes_before = partition.bytes_before();
        row.bytes_after = partition.bytes_after();
        row.error.code = static_cast<ErrorCode>(partition.error());
        const bool good = row.error.code == ErrorCode::none;
        if (good && !row.finished && row.ticket == 0) {
            return malformed_response("a compaction under way without a ticket");
        }
        compacted.push_back(std::move(row));
    }
    TextBudget budget(response);
    attach_messages((*opened)->messages(), budget, compacted);
    return compacted;
}

}  // namespace millrace::detail
