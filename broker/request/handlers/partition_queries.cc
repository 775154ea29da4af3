// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/handlers/partition_queries.h"

#include "broker/protocol/row_vector.h"
#include "broker/protocol/uuid.h"
#include "broker/protocol/wire_error.h"
#include "broker/request/handler_pools.h"
#include "broker/request/partition_error.h"
#include "broker/request/verified_call.h"

#include <algorithm>

namespace millrace::broker {
namespace {

using wire::ErrorCode;

constexpr std::int64_t kEnd = -1;
constexpr std::int64_t kStart = -2;
constexpr std::int64_t kLargestTimestamp = -3;

QueryKind kind_of(std::int64_t timestamp) {
    switch (timestamp) {
        case kEnd:
            return QueryKind::end;
        case kStart:
            return QueryKind::start;
        case kLargestTimestamp:
            return QueryKind::largest_timestamp;
        default:
            return QueryKind::time;
    }
}

ErrorCode code_of(const PartitionQuery& query) {
    switch (query.problem) {
        case QueryProblem::none:
            return ErrorCode::none;
        case QueryProblem::unknown_topic:
            return ErrorCode::unknown_topic;
        case QueryProblem::unknown_partition:
            return ErrorCode::unknown_partition;
        case QueryProblem::fenced_leader_epoch:
            return ErrorCode::fenced_leader_epoch;
        case QueryProblem::unknown_leader_epoch:
            return ErrorCode::unknown_leader_epoch;
        case QueryProblem::refused:
            return to_wire(query.error);
    }
    return ErrorCode::unknown_server_error;
}

template <class Request>
void handle(RequestContext& context, ClientConnection& connection, const IncomingFrame& frame) {
    Call call;
    const auto request = begin_verified<Request>(call, context, connection, frame);
    if (!request) return;
    context.pools().queries.take().start(call, **request);
}

}  // namespace

void handle_list_offsets(RequestContext& context,
                         ClientConnection& connection,
                         IncomingFrame&& frame) noexcept {
    handle<wire::ListOffsetsRequest>(context, connection, frame);
}

void handle_offset_for_leader_epoch(RequestContext& context,
                                    ClientConnection& connection,
                                    IncomingFrame&& frame) noexcept {
    handle<wire::OffsetForLeaderEpochRequest>(context, connection, frame);
}

void PartitionQueries::begin(const Call& call, std::size_t rows) {
    call_ = call;
    clear(call.context());
    rows_.clear();
    rows_.resize(rows);
}

void PartitionQueries::start(const Call& call, const wire::ListOffsetsRequest& request) {
    epoch_ends_ = false;
    begin(call, request.partitions() == nullptr ? 0 : request.partitions()->size());
    for (std::uint32_t index = 0; index < rows_.size(); ++index) {
        const auto& wanted = *request.partitions()->Get(index);
        auto& query = rows_[index].query;
        query.key = {from_wire(wanted.topic()), wanted.partition()};
        query.kind = kind_of(wanted.timestamp());
        query.timestamp = wanted.timestamp();
        query.epoch = wanted.leader_epoch();
    }
    ask_all();
}

void PartitionQueries::start(const Call& call, const wire::OffsetForLeaderEpochRequest& request) {
    epoch_ends_ = true;
    begin(call, request.partitions() == nullptr ? 0 : request.partitions()->size());
    for (std::uint32_t index = 0; index < rows_.size(); ++index) {
        const auto& wanted = *request.partitions()->Get(index);
        auto& query = rows_[index].query;
        query.key = {from_wire(wanted.topic()), wanted.partition()};
        query.kind = QueryKind::epoch_end;
        query.epoch = wanted.leader_epoch();
    }
    ask_all();
}

void PartitionQueries::ask_all() {
    for (std::uint32_t index = 0; index < rows_.size(); ++index) {
        auto& row = rows_[index];
        row.port = &port_of(row.query.key);
        add(row.query.key, index);
    }
    Scatter::start();
}

void PartitionQueries::run_port(Port& port) noexcept {
    const auto count = port.rows.size();
    auto& target = *port.target;
    for (std::size_t index = 0; index < count; ++index) {
        auto& row = rows_[port.rows[index]];
        row.query.owner = &row;
        row.query.done = [](PartitionQuery& query) noexcept {
            row_done(*static_cast<Row*>(query.owner)->port);
        };
        ask(row.query, target);
    }
}

void PartitionQueries::joined() noexcept {
    if (call_.peer() != nullptr) epoch_ends_ ? respond_epoch_ends() : respond_list_offsets();
    auto call = call_;
    call.context().pools().queries.give_back(*this);
    call.finish();
}

RowMessages PartitionQueries::write_messages(flatbuffers::FlatBufferBuilder& builder) {
    for (const auto& row : rows_)
        call_.count_error(code_of(row.query));
    return write_row_messages(
            builder,
            rows_.size(),
            [this](std::uint32_t index) { return code_of(rows_[index].query); },
            [this](std::uint32_t index, ErrorCode code) {
                return partition_error_message(
                        call_.context().catalog(), rows_[index].query.key, code);
            });
}

void PartitionQueries::respond_list_offsets() noexcept {
    auto& writer = call_.context().writer();
    auto& builder = writer.begin();
    const auto messages = write_messages(builder);
    const auto partitions =
            write_rows<wire::ListedOffset>(builder, rows_.size(), [this](std::size_t index) {
                const auto& query = rows_[index].query;
                return wire::ListedOffset(to_wire(query.key.topic),
                                          query.key.partition,
                                          static_cast<std::uint16_t>(code_of(query)),
                                          0,
                                          query.offset.value,
                                          query.found_timestamp,
                                          query.log_start.value,
                                          query.high_watermark.value,
                                          query.size_bytes,
                                          query.found_epoch,
                                          0);
            });
    wire::ListOffsetsResponseBuilder response(builder);
    response.add_partitions(partitions);
    if (!messages.IsNull()) response.add_messages(messages);
    const auto root = response.Finish();
    call_.send_table(writer.finish(root));
}

void PartitionQueries::respond_epoch_ends() noexcept {
    auto& writer = call_.context().writer();
    auto& builder = writer.begin();
    const auto messages = write_messages(builder);
    const auto partitions =
            write_rows<wire::EpochEndOffset>(builder, rows_.size(), [this](std::size_t index) {
                const auto& query = rows_[index].query;
                return wire::EpochEndOffset(to_wire(query.key.topic),
                                            query.key.partition,
                                            static_cast<std::uint16_t>(code_of(query)),
                                            0,
                                            query.offset.value,
                                            query.found_epoch,
                                            0);
            });
    wire::OffsetForLeaderEpochResponseBuilder response(builder);
    response.add_partitions(partitions);
    if (!messages.IsNull()) response.add_messages(messages);
    const auto root = response.Finish();
    call_.send_table(writer.finish(root));
}

}  // namespace millrace::broker
