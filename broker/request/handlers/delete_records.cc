// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/handlers/delete_records.h"

#include "broker/protocol/row_vector.h"
#include "broker/protocol/uuid.h"
#include "broker/protocol/wire_error.h"
#include "broker/request/handler_pools.h"
#include "broker/request/partition_error.h"
#include "broker/request/verified_call.h"

namespace millrace::broker {
namespace {

using wire::ErrorCode;

constexpr std::int64_t kEnd = -1;
constexpr std::int64_t kExpired = -2;

DeletionKind kind_of(std::int64_t before) {
    if (before == kEnd) return DeletionKind::all;
    return before == kExpired ? DeletionKind::expired : DeletionKind::before_offset;
}

ErrorCode code_of(const RecordDeletion& deletion) {
    switch (deletion.problem) {
        case DeletionProblem::none:
            return ErrorCode::none;
        case DeletionProblem::unknown_topic:
            return ErrorCode::unknown_topic;
        case DeletionProblem::unknown_partition:
            return ErrorCode::unknown_partition;
        case DeletionProblem::refused:
            return to_wire(deletion.error);
    }
    return ErrorCode::unknown_server_error;
}

}  // namespace

void handle_delete_records(RequestContext& context,
                           ClientConnection& connection,
                           IncomingFrame&& frame) noexcept {
    Call call;
    const auto request =
            begin_verified<wire::DeleteRecordsRequest>(call, context, connection, frame);
    if (!request) return;
    context.pools().deletions.take().start(call, **request);
}

void DeleteRecords::start(const Call& call, const wire::DeleteRecordsRequest& request) {
    call_ = call;
    clear(call.context());
    rows_.clear();
    rows_.resize(request.partitions() == nullptr ? 0 : request.partitions()->size());
    for (std::uint32_t index = 0; index < rows_.size(); ++index) {
        const auto& wanted = *request.partitions()->Get(index);
        auto& row = rows_[index];
        row.deletion.key = {from_wire(wanted.topic()), wanted.partition()};
        row.deletion.kind = kind_of(wanted.before());
        row.deletion.before = engine::Offset(wanted.before());
        row.port = &port_of(row.deletion.key);
        add(row.deletion.key, index);
    }
    Scatter::start();
}

void DeleteRecords::run_port(Port& port) noexcept {
    const auto count = port.rows.size();
    auto& target = *port.target;
    for (std::size_t index = 0; index < count; ++index) {
        auto& row = rows_[port.rows[index]];
        row.deletion.owner = &row;
        row.deletion.done = [](RecordDeletion& deletion) noexcept {
            row_done(*static_cast<Row*>(deletion.owner)->port);
        };
        delete_records(row.deletion, target);
    }
}

void DeleteRecords::joined() noexcept {
    if (call_.peer() != nullptr) respond();
    auto call = call_;
    call.context().pools().deletions.give_back(*this);
    call.finish();
}

RowMessages DeleteRecords::write_messages(flatbuffers::FlatBufferBuilder& builder) {
    for (const auto& row : rows_)
        call_.count_error(code_of(row.deletion));
    return write_row_messages(
            builder,
            rows_.size(),
            [this](std::uint32_t index) { return code_of(rows_[index].deletion); },
            [this](std::uint32_t index, ErrorCode code) {
                return partition_error_message(
                        call_.context().catalog(), rows_[index].deletion.key, code);
            });
}

void DeleteRecords::respond() noexcept {
    auto& writer = call_.context().writer();
    auto& builder = writer.begin();
    const auto messages = write_messages(builder);
    const auto partitions =
            write_rows<wire::DeletedRecords>(builder, rows_.size(), [this](std::size_t index) {
                const auto& deletion = rows_[index].deletion;
                return wire::DeletedRecords(to_wire(deletion.key.topic),
                                            deletion.key.partition,
                                            static_cast<std::uint16_t>(code_of(deletion)),
                                            0,
                                            deletion.log_start.value,
                                            deletion.bytes,
                                            deletion.segments,
                                            0);
            });
    wire::DeleteRecordsResponseBuilder response(builder);
    response.add_partitions(partitions);
    if (!messages.IsNull()) response.add_messages(messages);
    const auto root = response.Finish();
    call_.send_table(writer.finish(root));
}

}  // namespace millrace::broker
