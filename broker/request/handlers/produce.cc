// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/handlers/produce.h"

#include "broker/protocol/batch_walk.h"
#include "broker/protocol/row_messages.h"
#include "broker/protocol/row_vector.h"
#include "broker/protocol/uuid.h"
#include "broker/protocol/verified.h"
#include "broker/protocol/wire_error.h"
#include "broker/request/handler_pools.h"
#include "engine/assert.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::broker {
namespace {

using wire::ErrorCode;

constexpr std::uint32_t kTimeoutMsMax = 10 * 60 * 1000;

engine::Durability durability_of(wire::AckDurability durability) {
    switch (durability) {
        case wire::AckDurability::written:
            return engine::Durability::written;
        case wire::AckDurability::synced:
            return engine::Durability::synced;
        case wire::AckDurability::topic:
        case wire::AckDurability::memory:
            break;
    }
    // The log takes the stronger of this and the topic's.
    return engine::Durability::memory;
}

}  // namespace

void handle_produce(RequestContext& context,
                    ClientConnection& connection,
                    IncomingFrame&& frame) noexcept {
    const auto refuse_with = [&](const Refusal& refusal) {
        Call call;
        call.begin(context, connection, frame.header);
        call.refuse(refusal.code, refusal.message);
        call.finish();
    };
    const auto request = verify<wire::ProduceRequest>(frame);
    if (!request) return refuse_with(request.error());
    if ((frame.header.flags & wire::kFlagOneWay) != 0 && (*request)->acks() != 0) {
        frame.header.flags &= static_cast<std::uint8_t>(~wire::kFlagOneWay);
        return refuse_with({ErrorCode::malformed_request, "Only acks 0 can do without an answer."});
    }
    context.pools().produces.take().start(context, connection, frame, **request);
}

void Produce::start(RequestContext& context,
                    ClientConnection& connection,
                    const IncomingFrame& frame,
                    const wire::ProduceRequest& request) {
    auto header = frame.header;
    if (request.acks() == 0) header.flags |= wire::kFlagOneWay;
    call_.begin(context, connection, header);
    context.call_began();  // Appends in flight hold up a stop, answered or not.
    clear(context);
    answered_ = false;
    held_.resize(context.cluster().shards());
    const auto count = request.partitions() == nullptr ? 0 : request.partitions()->size();
    rows_.clear();
    rows_.resize(count);

    const auto timeout = std::chrono::milliseconds(std::min(request.timeout_ms(), kTimeoutMsMax));
    const auto deadline = context.now() + timeout;
    engine::Bytes rest = frame.payload;
    for (std::uint32_t index = 0; index < count; ++index) {
        const auto& wanted = *request.partitions()->Get(index);
        auto& row = rows_[index];
        auto& append = row.append;
        append.key = {from_wire(wanted.topic()), wanted.partition()};
        append.op.batches = rest.first(wanted.payload_bytes());
        append.op.durability = durability_of(request.durability());
        const auto expected =
                request.expected_offsets() == nullptr ? -1 : request.expected_offsets()->Get(index);
        if (expected >= 0) append.op.expected_offset = engine::Offset(expected);
        append.deadline = deadline;
        append.account = &connection.parked_bytes;
        rest = rest.subspan(wanted.payload_bytes());
        row.port = &port_of(append.key);
        add(append.key, index);
        auto& held = held_[context.shard_of(append.key)];
        ++held.rows;
        if (!held.buffer) held.buffer = frame.buffer;
    }
    timer_.owner = this;
    timer_.fired = [](Timer& timer) noexcept {
        static_cast<Produce*>(timer.owner)->deadline_passed();
    };
    if ((header.flags & wire::kFlagOneWay) == 0) context.timers().arm(timer_, deadline);
    Scatter::start();
}

void Produce::run_port(Port& port) noexcept {
    // The last row's `done` may end this request: nothing of it is touched after that.
    auto& appends = port.target->appends();
    const bool stopping = port.target->stopping();
    const auto count = port.rows.size();
    for (std::size_t index = 0; index < count; ++index) {
        auto& row = rows_[port.rows[index]];
        row.append.owner = &row;
        row.append.released = [](PendingAppend& append) noexcept {
            auto& released = *static_cast<Row*>(append.owner);
            if (append.problem == AppendProblem::refused &&
                append.error.code == engine::Errc::batch_too_large) {
                released.largest_batch = largest_batch_bytes(append.op.batches);
            }
            static_cast<Produce*>(released.port->scatter)->release_buffer(*released.port);
        };
        row.append.done = [](PendingAppend& append) noexcept {
            row_done(*static_cast<Row*>(append.owner)->port);
        };
        if (stopping) {
            row.append.problem = AppendProblem::refused;
            row.append.error = {engine::Errc::shutting_down};
            row.append.released(row.append);
            row.append.done(row.append);
        } else {
            appends.submit(row.append);
        }
    }
}

void Produce::release_buffer(Port& port) noexcept {
    auto& held = held_[port.target->shard()];
    ASSERT(held.rows > 0);
    if (--held.rows == 0) held.buffer = {};
}

void Produce::joined() noexcept {
    auto& context = call_.context();
    context.timers().disarm(timer_);
    if (!answered_) {
        call_.log_done();
        respond();
        call_.finish();
    }
    context.pools().produces.give_back(*this);
    context.call_ended();
}

// What is on its way may still be stored, and its memory is needed until that is known; only the
// answer is given.
void Produce::deadline_passed() noexcept {
    answered_ = true;
    respond();
    call_.finish();
}

ErrorCode Produce::code_of(const Row& row) const noexcept {
    if (row.port->away) return ErrorCode::timed_out;
    switch (row.append.problem) {
        case AppendProblem::none:
            return ErrorCode::none;
        case AppendProblem::unknown_topic:
            return ErrorCode::unknown_topic;
        case AppendProblem::unknown_partition:
            return ErrorCode::unknown_partition;
        case AppendProblem::timed_out:
            return ErrorCode::timed_out;
        case AppendProblem::refused:
            return to_wire(row.append.error);
    }
    return ErrorCode::unknown_server_error;
}

std::string Produce::message_of(const Row& row, ErrorCode code) const {
    const auto* topic = call_.context().catalog().find(row.append.key.topic);
    switch (code) {
        case ErrorCode::unknown_topic:
            return unknown_topic_message({});
        case ErrorCode::unknown_partition:
            if (topic == nullptr) return unknown_topic_message({});
            return unknown_partition_message(
                    topic->name, row.append.key.partition, topic->partitions);
        case ErrorCode::message_too_large:
            if (topic == nullptr) break;
            if (row.append.opened_too_large) return opened_too_large_message(topic->name);
            if (row.largest_batch <= topic->log_config.message_bytes_max) {
                return append_too_large_message(topic->name,
                                                call_.context().engine().append_bytes_max());
            }
            return message_too_large_message(
                    topic->name, row.largest_batch, topic->log_config.message_bytes_max);
        case ErrorCode::invalid_timestamp:
            if (topic == nullptr || !row.append.op.timestamp_fault) break;
            return invalid_timestamp_message(
                    topic->name, row.append.key.partition, *row.append.op.timestamp_fault);
        case ErrorCode::unexpected_offset:
            if (topic == nullptr) break;
            return unexpected_offset_message(topic->name,
                                             row.append.key.partition,
                                             row.append.op.end_offset.value,
                                             row.append.op.expected_offset->value);
        case ErrorCode::invalid_record:
            if (topic == nullptr) break;
            return missing_key_message(topic->name, row.append.op.refused_record);
        default:
            break;
    }
    return std::string(wire::row_of(code).sentence);
}

// On an error: where the partition ends, for a conditional append that was not there.
std::int64_t Produce::offset_of(const Row& row, ErrorCode code) noexcept {
    const auto& op = row.append.op;
    if (code == ErrorCode::unexpected_offset) return op.end_offset.value;
    return code == ErrorCode::none ? op.base_offset.value : -1;
}

void Produce::respond() noexcept {
    for (const auto& row : rows_)
        call_.count_error(code_of(row));
    if (call_.peer() == nullptr || (call_.header().flags & wire::kFlagOneWay) != 0) return;
    auto& writer = call_.context().writer();
    auto& builder = writer.begin();
    const auto messages = write_row_messages(
            builder,
            rows_.size(),
            [this](std::uint32_t index) { return code_of(rows_[index]); },
            [this](std::uint32_t index, ErrorCode code) { return message_of(rows_[index], code); });
    const auto partitions =
            write_rows<wire::ProducedPartition>(builder, rows_.size(), [this](std::size_t index) {
                const auto& row = rows_[index];
                const auto code = code_of(row);
                const bool good = code == ErrorCode::none;
                return wire::ProducedPartition(to_wire(row.append.key.topic),
                                               row.append.key.partition,
                                               static_cast<std::uint16_t>(code),
                                               0,
                                               offset_of(row, code),
                                               good ? row.append.op.append_time : -1,
                                               good ? row.append.log_start.value : -1);
            });
    wire::ProduceResponseBuilder response(builder);
    response.add_partitions(partitions);
    if (!messages.IsNull()) response.add_messages(messages);
    const auto root = response.Finish();
    call_.send_table(writer.finish(root));
}

}  // namespace millrace::broker
