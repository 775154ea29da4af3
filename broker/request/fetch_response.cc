// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/protocol/row_messages.h"
#include "broker/protocol/row_vector.h"
#include "broker/protocol/uuid.h"
#include "broker/protocol/wire_error.h"
#include "broker/request/fetch.h"
#include "broker/request/fetch_port.h"
#include "broker/request/handler_pools.h"
#include "schemas/fetch_generated.h"

#include <fmt/format.h>

#include <iterator>

namespace millrace::broker {

namespace {

using wire::ErrorCode;

ErrorCode code_of(const FetchedRow& row) noexcept {
    switch (row.problem) {
        case FetchProblem::none:
            return ErrorCode::none;
        case FetchProblem::unknown_topic:
            return ErrorCode::unknown_topic;
        case FetchProblem::unknown_partition:
            return ErrorCode::unknown_partition;
        case FetchProblem::unknown_leader_epoch:
            return ErrorCode::unknown_leader_epoch;
        case FetchProblem::log_truncated:
            return ErrorCode::log_truncated;
        case FetchProblem::refused:
            return to_wire(row.error);
    }
    return ErrorCode::unknown_server_error;
}

}  // namespace

// Parts know nothing of each other, so that together they may have more than fits: what is left
// out here is read again by the next poll.
void Fetch::trim() noexcept {
    std::uint64_t bytes = 0;
    for (const auto& each : ports_) {
        if (each == nullptr) continue;
        for (auto& row : each->part.rows) {
            if (row.bytes == 0) continue;
            if (bytes > 0 && bytes + row.bytes > parameters_.bytes_max) {
                row.bytes = 0;
                row.slice_count = 0;
            }
            bytes += row.bytes;
        }
    }
}

void Fetch::respond() noexcept {
    if (call_->peer() == nullptr) return;
    auto& slices = context_.pools().slices;
    slices.clear();
    std::size_t count = 0;
    bool problems = false;
    for (const auto& each : ports_) {
        if (each == nullptr) continue;
        count += each->part.rows.size();
        for (const auto& row : each->part.rows)
            problems |= row.problem != FetchProblem::none;
    }
    auto& writer = context_.writer();
    auto& builder = writer.begin();
    RowMessages messages;
    if (problems) {
        std::vector<flatbuffers::Offset<wire::RowMessage>> texts;
        std::uint32_t index = 0;
        for (const auto& each : ports_) {
            if (each == nullptr) continue;
            for (const auto& row : each->part.rows) {
                const auto code = code_of(row);
                call_->count_error(code);
                if (code != ErrorCode::none && texts.size() < kRowMessagesMax) {
                    texts.push_back(wire::CreateRowMessageDirect(
                            builder, index, message_of(row, code).c_str()));
                }
                ++index;
            }
        }
        messages = builder.CreateVector(texts);
    }
    auto port = ports_.begin();
    std::size_t next = 0;  // Of the port's rows.
    const auto partitions =
            write_rows<wire::FetchedPartition>(builder, count, [&](std::size_t /*index*/) {
                while (*port == nullptr || next == (*port)->part.rows.size()) {
                    ++port;
                    next = 0;
                }
                auto& part = (*port)->part;
                const auto& row = part.rows[next++];
                const auto first = part.slices.begin() + row.first_slice;
                slices.insert(slices.end(),
                              std::make_move_iterator(first),
                              std::make_move_iterator(first + row.slice_count));
                return wire::FetchedPartition(to_wire(row.key.topic),
                                              row.key.partition,
                                              static_cast<std::uint16_t>(code_of(row)),
                                              0,
                                              row.high_watermark.value,
                                              row.log_start.value,
                                              row.diverging.end_offset.value,
                                              row.diverging.epoch,
                                              row.bytes);
            });
    wire::FetchResponseBuilder response(builder);
    response.add_partitions(partitions);
    if (!messages.IsNull()) response.add_messages(messages);
    if (session_id_ != 0 && !ending_) {
        response.add_session_id(session_id_);
        response.add_session_epoch(next_epoch_ - 1);
    }
    const auto root = response.Finish();
    call_->send_table(writer.finish(root), slices);
    slices.clear();
}

std::string Fetch::message_of(const FetchedRow& row, ErrorCode code) const {
    const auto* topic = context_.catalog().find(row.key.topic);
    if (code == ErrorCode::unknown_topic || topic == nullptr) return unknown_topic_message({});
    if (code == ErrorCode::unknown_partition) {
        return unknown_partition_message(topic->name, row.key.partition, topic->partitions);
    }
    if (code == ErrorCode::offset_out_of_range) {
        return fmt::format("Partition {} of topic '{}' holds offsets {} to {}.",
                           row.key.partition,
                           topic->name,
                           row.log_start.value,
                           row.high_watermark.value);
    }
    return std::string(wire::row_of(code).sentence);
}

}  // namespace millrace::broker
