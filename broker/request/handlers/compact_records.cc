// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/handlers/compact_records.h"

#include "broker/protocol/row_vector.h"
#include "broker/protocol/uuid.h"
#include "broker/protocol/wire_error.h"
#include "broker/request/handler_pools.h"
#include "broker/request/verified_call.h"

#include <fmt/format.h>

namespace millrace::broker {

using wire::ErrorCode;

void handle_compact_records(RequestContext& context,
                            ClientConnection& connection,
                            IncomingFrame&& frame) noexcept {
    Call call;
    const auto request =
            begin_verified<wire::CompactRecordsRequest>(call, context, connection, frame);
    if (!request) return;
    context.pools().compactions.take().start(call, **request);
}

void CompactRecords::start(const Call& call, const wire::CompactRecordsRequest& request) {
    call_ = call;
    clear(call.context());
    rows_.clear();
    rows_.resize(request.partitions() == nullptr ? 0 : request.partitions()->size());
    for (std::uint32_t index = 0; index < rows_.size(); ++index) {
        const auto& wanted = *request.partitions()->Get(index);
        auto& row = rows_[index];
        row.key = {from_wire(wanted.topic()), wanted.partition()};
        row.ticket = wanted.ticket();
        const auto* topic = call_.context().catalog().find(row.key.topic);
        // What became of one is told whatever the settings are by now.
        row.compacted = topic == nullptr || topic->log_config.compacts || row.ticket != 0;
        row.port = &port_of(row.key);
        add(row.key, index);
    }
    Scatter::start();
}

void CompactRecords::run_port(Port& port) noexcept {
    const auto count = port.rows.size();
    auto& target = *port.target;
    for (std::size_t index = 0; index < count; ++index) {
        auto& row = rows_[port.rows[index]];
        if (row.compacted) {
            row.answer = target.pools().asked_compactions.ask(row.key, row.ticket, target);
        }
        row_done(port);
    }
}

void CompactRecords::joined() noexcept {
    if (call_.peer() != nullptr) respond();
    auto call = call_;
    call.context().pools().compactions.give_back(*this);
    call.finish();
}

ErrorCode CompactRecords::code_of(const Row& row) const noexcept {
    if (!row.compacted) return ErrorCode::invalid_config;
    switch (row.answer.problem) {
        case CompactionProblem::none:
            return ErrorCode::none;
        case CompactionProblem::unknown_topic:
            return ErrorCode::unknown_topic;
        case CompactionProblem::unknown_partition:
            return ErrorCode::unknown_partition;
        case CompactionProblem::unknown_ticket:
            return ErrorCode::timed_out;
        case CompactionProblem::refused:
            return to_wire(row.answer.error);
    }
    return ErrorCode::unknown_server_error;
}

std::string CompactRecords::message_of(const Row& row, ErrorCode code) const {
    const auto* topic = call_.context().catalog().find(row.key.topic);
    if (topic == nullptr) return unknown_topic_message({});
    switch (code) {
        case ErrorCode::invalid_config:
            return fmt::format(
                    "Topic '{0}' is not compacted. To have it so: millrace config set {0} "
                    "cleanup.policy=compact",
                    topic->name);
        case ErrorCode::unknown_partition:
            return unknown_partition_message(topic->name, row.key.partition, topic->partitions);
        case ErrorCode::timed_out:
            return "The broker does not know of this compaction any more: it has been started "
                   "since. What was replaced by then stays so.";
        case ErrorCode::damaged_range:
            return fmt::format(
                    "A segment of partition {} is damaged and stays as it is, with those behind "
                    "it; the broker's log has more.",
                    row.key.partition);
        default:
            return std::string(wire::row_of(code).sentence);
    }
}

RowMessages CompactRecords::write_messages(flatbuffers::FlatBufferBuilder& builder) {
    for (const auto& row : rows_)
        call_.count_error(code_of(row));
    return write_row_messages(
            builder,
            rows_.size(),
            [this](std::uint32_t index) { return code_of(rows_[index]); },
            [this](std::uint32_t index, ErrorCode code) { return message_of(rows_[index], code); });
}

void CompactRecords::respond() noexcept {
    auto& writer = call_.context().writer();
    auto& builder = writer.begin();
    const auto messages = write_messages(builder);
    const auto partitions =
            write_rows<wire::CompactedRecords>(builder, rows_.size(), [this](std::size_t index) {
                const auto& row = rows_[index];
                const auto& counts = row.answer.counts;
                const auto code = code_of(row);
                const bool finished = row.answer.finished || code != ErrorCode::none;
                return wire::CompactedRecords(to_wire(row.key.topic),
                                              row.key.partition,
                                              static_cast<std::uint16_t>(code),
                                              finished ? 1 : 0,
                                              row.answer.ticket,
                                              counts.segments_before,
                                              counts.segments_after,
                                              counts.records_before,
                                              counts.records_after,
                                              counts.bytes_before,
                                              counts.bytes_after);
            });
    wire::CompactRecordsResponseBuilder response(builder);
    response.add_partitions(partitions);
    if (!messages.IsNull()) response.add_messages(messages);
    const auto root = response.Finish();
    call_.send_table(writer.finish(root));
}

}  // namespace millrace::broker
