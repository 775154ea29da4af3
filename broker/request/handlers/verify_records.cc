// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/handlers/verify_records.h"

#include "broker/protocol/row_vector.h"
#include "broker/protocol/uuid.h"
#include "broker/protocol/wire_error.h"
#include "broker/request/handler_pools.h"
#include "broker/request/partition_error.h"
#include "broker/request/verified_call.h"

namespace millrace::broker {
namespace {

using wire::ErrorCode;

// Of one answer; the rows say how many there are.
constexpr std::size_t kRangesMax = 1024;

ErrorCode code_of(const RecordVerification& verification) {
    switch (verification.problem) {
        case VerificationProblem::none:
            return ErrorCode::none;
        case VerificationProblem::unknown_topic:
            return ErrorCode::unknown_topic;
        case VerificationProblem::unknown_partition:
            return ErrorCode::unknown_partition;
        case VerificationProblem::failed:
            return to_wire(verification.error);
    }
    return ErrorCode::unknown_server_error;
}

}  // namespace

void handle_verify_records(RequestContext& context,
                           ClientConnection& connection,
                           IncomingFrame&& frame) noexcept {
    Call call;
    const auto request =
            begin_verified<wire::VerifyRecordsRequest>(call, context, connection, frame);
    if (!request) return;
    context.pools().verifications.take().start(call, **request);
}

void VerifyRecords::start(const Call& call, const wire::VerifyRecordsRequest& request) {
    call_ = call;
    clear(call.context());
    rows_.clear();
    rows_.resize(request.partitions() == nullptr ? 0 : request.partitions()->size());
    for (std::uint32_t index = 0; index < rows_.size(); ++index) {
        const auto& wanted = *request.partitions()->Get(index);
        auto& row = rows_[index];
        row.verification.key = {from_wire(wanted.topic()), wanted.partition()};
        row.verification.from = engine::Offset(wanted.from());
        row.port = &port_of(row.verification.key);
        add(row.verification.key, index);
    }
    Scatter::start();
}

void VerifyRecords::run_port(Port& port) noexcept {
    const auto count = port.rows.size();
    auto& target = *port.target;
    for (std::size_t index = 0; index < count; ++index) {
        auto& row = rows_[port.rows[index]];
        row.verification.owner = &row;
        row.verification.done = [](RecordVerification& verification) noexcept {
            row_done(*static_cast<Row*>(verification.owner)->port);
        };
        verify_records(row.verification, target);
    }
}

void VerifyRecords::joined() noexcept {
    if (call_.peer() != nullptr) respond();
    auto call = call_;
    call.context().pools().verifications.give_back(*this);
    call.finish();
}

RowMessages VerifyRecords::write_messages(flatbuffers::FlatBufferBuilder& builder) {
    for (const auto& row : rows_)
        call_.count_error(code_of(row.verification));
    return write_row_messages(
            builder,
            rows_.size(),
            [this](std::uint32_t index) { return code_of(rows_[index].verification); },
            [this](std::uint32_t index, ErrorCode code) {
                return partition_error_message(
                        call_.context().catalog(), rows_[index].verification.key, code);
            });
}

VerifyRecords::Ranges VerifyRecords::write_ranges(flatbuffers::FlatBufferBuilder& builder) {
    std::vector<flatbuffers::Offset<wire::DamagedRange>> ranges;
    for (std::uint32_t index = 0; index < rows_.size(); ++index) {
        for (const auto& range : rows_[index].verification.op.damaged) {
            if (ranges.size() == kRangesMax) break;
            ranges.push_back(wire::CreateDamagedRangeDirect(builder,
                                                            index,
                                                            range.file.c_str(),
                                                            range.first.value,
                                                            range.last.value,
                                                            range.position,
                                                            range.reason.c_str()));
        }
    }
    if (ranges.empty()) return {};
    return builder.CreateVector(ranges);
}

void VerifyRecords::respond() noexcept {
    auto& writer = call_.context().writer();
    auto& builder = writer.begin();
    const auto messages = write_messages(builder);
    const auto ranges = write_ranges(builder);
    const auto partitions =
            write_rows<wire::VerifiedRecords>(builder, rows_.size(), [this](std::size_t index) {
                const auto& verification = rows_[index].verification;
                const auto& op = verification.op;
                return wire::VerifiedRecords(to_wire(verification.key.topic),
                                             verification.key.partition,
                                             static_cast<std::uint16_t>(code_of(verification)),
                                             op.at_end ? 1 : 0,
                                             op.next_offset.value,
                                             op.segments,
                                             op.batches,
                                             op.records,
                                             op.bytes,
                                             op.damaged_in_all);
            });
    wire::VerifyRecordsResponseBuilder response(builder);
    response.add_partitions(partitions);
    if (!messages.IsNull()) response.add_messages(messages);
    if (!ranges.IsNull()) response.add_damaged(ranges);
    const auto root = response.Finish();
    call_.send_table(writer.finish(root));
}

}  // namespace millrace::broker
