// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "codec/data.h"

#include "codec/table.h"
#include "schemas/append_atomic_generated.h"
#include "schemas/fetch_generated.h"
#include "schemas/produce_generated.h"

#include <algorithm>

namespace millrace::detail {

namespace {

using Builder = flatbuffers::FlatBufferBuilder;

struct EncodedRows {
    flatbuffers::Offset<flatbuffers::Vector<const wire::ProducePartition*>> partitions;
    flatbuffers::Offset<flatbuffers::Vector<std::int64_t>> expected;  // Null: none expects any.
    std::uint32_t payload_bytes = 0;
};

EncodedRows encode_rows(Builder& builder, std::span<const ProduceRow> rows) {
    EncodedRows encoded;
    encoded.partitions =
            write_rows<wire::ProducePartition>(builder, rows, [&](const ProduceRow& row) {
                encoded.payload_bytes += row.payload_bytes;
                return wire::ProducePartition(to_wire(row.topic), row.partition, row.payload_bytes);
            });
    if (std::ranges::any_of(rows, [](const auto& row) { return row.expected_offset >= 0; })) {
        encoded.expected = builder.CreateVector<std::int64_t>(
                rows.size(), [&](std::size_t index) { return rows[index].expected_offset; });
    }
    return encoded;
}

Result<std::vector<ProducedRow>> decode_rows(
        const flatbuffers::Vector<const wire::ProducedPartition*>* partitions,
        std::span<const ProduceRow> rows) {
    if (partitions == nullptr || partitions->size() != rows.size()) {
        return malformed_response("another number of partitions than the request");
    }
    if (!rows_are_aligned(partitions)) return misaligned_rows();
    std::vector<ProducedRow> produced;
    produced.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto& partition = *partitions->Get(static_cast<flatbuffers::uoffset_t>(i));
        ProducedRow row;
        row.topic = from_wire(partition.topic());
        row.partition = partition.partition();
        row.base_offset = partition.base_offset();
        row.append_time = partition.append_time();
        row.error.code = static_cast<ErrorCode>(partition.error());
        if (row.topic != rows[i].topic || row.partition != rows[i].partition) {
            return malformed_response("other partitions than the request");
        }
        if (row.error.code == ErrorCode::none && row.base_offset < 0) {
            return malformed_response("an offset below zero");
        }
        produced.push_back(std::move(row));
    }
    return produced;
}

}  // namespace

EncodedRequest encode_produce(Acks acks,
                              Durability durability,
                              std::chrono::milliseconds timeout,
                              std::span<const ProduceRow> rows) {
    Builder builder(128 + rows.size() * sizeof(wire::ProducePartition));
    const auto encoded = encode_rows(builder, rows);
    builder.Finish(wire::CreateProduceRequest(builder,
                                              static_cast<std::int8_t>(acks),
                                              static_cast<wire::AckDurability>(durability),
                                              static_cast<std::uint32_t>(timeout.count()),
                                              encoded.partitions,
                                              encoded.expected));
    return finish_request(builder, wire::Api::produce, encoded.payload_bytes, acks == Acks::none);
}

Result<std::vector<ProducedRow>> decode_produce(const Response& response,
                                                std::span<const ProduceRow> rows) {
    const auto opened = open_response<wire::ProduceResponse>(response);
    if (!opened) return opened.error();
    auto produced = decode_rows((*opened)->partitions(), rows);
    if (!produced) return produced;
    TextBudget budget(response);
    attach_messages((*opened)->messages(), budget, *produced);
    return produced;
}

EncodedRequest encode_append_atomic(std::chrono::milliseconds timeout,
                                    std::span<const ProduceRow> rows) {
    Builder builder(128 + rows.size() * sizeof(wire::ProducePartition));
    const auto encoded = encode_rows(builder, rows);
    builder.Finish(wire::CreateAppendAtomicRequest(builder,
                                                   static_cast<std::uint32_t>(timeout.count()),
                                                   encoded.partitions,
                                                   encoded.expected));
    return finish_request(builder, wire::Api::append_atomic, encoded.payload_bytes);
}

Result<std::vector<ProducedRow>> decode_append_atomic(const Response& response,
                                                      std::span<const ProduceRow> rows) {
    const auto opened = open_response<wire::AppendAtomicResponse>(response);
    if (!opened) return opened.error();
    auto produced = decode_rows((*opened)->partitions(), rows);
    if (!produced) return produced;
    const auto stored = [](const ProducedRow& row) { return row.error.code == ErrorCode::none; };
    if (!std::ranges::all_of(*produced, stored)) {
        return malformed_response("a part of an atomic append that was refused by itself");
    }
    return produced;
}

EncodedRequest encode_fetch(const FetchQuery& query) {
    flatbuffers::FlatBufferBuilder builder(256 +
                                           query.partitions.size() * sizeof(wire::FetchPartition) +
                                           query.forgotten.size() * sizeof(wire::PartitionRef));
    const auto rows =
            write_rows<wire::FetchPartition>(builder, query.partitions, [](const auto& row) {
                return wire::FetchPartition(to_wire(row.topic),
                                            row.partition,
                                            row.leader_epoch,
                                            row.offset,
                                            row.bytes_max,
                                            0);
            });
    const auto forgotten =
            write_rows<wire::PartitionRef>(builder, query.forgotten, [](const auto& row) {
                return wire::PartitionRef(to_wire(row.topic), row.partition, 0);
            });
    builder.Finish(wire::CreateFetchRequest(builder,
                                            query.session_id,
                                            query.session_epoch,
                                            query.wait_max_ms,
                                            query.bytes_min,
                                            query.bytes_max,
                                            rows,
                                            forgotten));
    return finish_request(builder, wire::Api::fetch);
}

Result<Fetched> decode_fetch(const Response& response) {
    const auto opened = open_response<wire::FetchResponse>(response);
    if (!opened) return opened.error();
    if (!rows_are_aligned((*opened)->partitions())) return misaligned_rows();
    Fetched fetched;
    fetched.session_id = (*opened)->session_id();
    fetched.session_epoch = (*opened)->session_epoch();
    std::size_t position = 0;
    bool inside = true;
    for_each((*opened)->partitions(), [&](const wire::FetchedPartition& partition) {
        FetchedRow row;
        row.topic = from_wire(partition.topic());
        row.partition = partition.partition();
        row.high_watermark = partition.high_watermark();
        row.log_start_offset = partition.log_start_offset();
        row.payload_begin = position;
        row.payload_bytes = partition.payload_bytes();
        row.error.code = static_cast<ErrorCode>(partition.error());
        position += row.payload_bytes;
        inside = inside && position <= response.payload.size();
        fetched.partitions.push_back(std::move(row));
    });
    // What is left can only be the padding of the frame.
    if (!inside || response.payload.size() - position >= wire::kFrameAlignment) {
        return malformed_response("ranges that do not make up its payload");
    }
    TextBudget budget(response);
    attach_messages((*opened)->messages(), budget, fetched.partitions);
    return fetched;
}

}  // namespace millrace::detail
