// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/handlers/append_atomic.h"

#include "broker/protocol/batch_walk.h"
#include "broker/protocol/row_vector.h"
#include "broker/protocol/uuid.h"
#include "broker/protocol/wire_error.h"
#include "broker/request/handler_pools.h"
#include "broker/request/request_context.h"
#include "broker/request/verified_call.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::broker {
namespace {

using wire::ErrorCode;

constexpr std::uint32_t kTimeoutMsMax = 10 * 60 * 1000;

}  // namespace

void handle_append_atomic(RequestContext& context,
                          ClientConnection& connection,
                          IncomingFrame&& frame) noexcept {
    Call call;
    const auto request =
            begin_verified<wire::AppendAtomicRequest>(call, context, connection, frame);
    if (!request) return;
    context.pools().atomic_appends.take().start(call, frame, **request);
}

void AppendAtomic::start(const Call& call,
                         const IncomingFrame& frame,
                         const wire::AppendAtomicRequest& request) {
    auto& context = call.context();
    call_ = call;
    context.call_began();  // It holds up a stop, answered or not.
    context_ = &context;
    buffer_ = frame.buffer;
    answered_ = false;
    parts_.clear();
    engine::Bytes rest = frame.payload;
    for (std::uint32_t index = 0; index < request.partitions()->size(); ++index) {
        const auto& wanted = *request.partitions()->Get(index);
        auto& part = parts_.emplace_back();
        part.key = {from_wire(wanted.topic()), wanted.partition()};
        part.batches = rest.first(wanted.payload_bytes());
        rest = rest.subspan(wanted.payload_bytes());
        const auto expected =
                request.expected_offsets() == nullptr ? -1 : request.expected_offsets()->Get(index);
        if (expected >= 0) part.expected_offset = engine::Offset(expected);
    }
    const auto timeout = std::chrono::milliseconds(std::min(request.timeout_ms(), kTimeoutMsMax));
    op_ = {};
    op_.parts = parts_;
    op_.deadline = context.now() + timeout;
    op_.find_log = &AppendAtomic::find_log;
    op_.published = &AppendAtomic::published;
    op_.owner = this;
    op_.done = [](engine::AtomicAppendOp& op) noexcept {
        static_cast<AppendAtomic*>(op.owner)->done();
    };
    timer_.owner = this;
    timer_.fired = [](Timer& timer) noexcept {
        static_cast<AppendAtomic*>(timer.owner)->deadline_passed();
    };
    context.timers().arm(timer_, op_.deadline);
    context.engine().append_atomic(op_);
}

engine::Log* AppendAtomic::find_log(engine::AtomicAppendOp& op,
                                    std::uint32_t shard,
                                    engine::AtomicPart& part) noexcept {
    auto& self = *static_cast<AppendAtomic*>(op.owner);
    auto* partition = self.context_->cluster().context(shard).find_or_open(part.key, self.missing_);
    return partition == nullptr ? nullptr : &partition->log();
}

void AppendAtomic::published(engine::AtomicAppendOp& op,
                             std::uint32_t shard,
                             engine::AtomicPart& part) noexcept {
    auto& self = *static_cast<AppendAtomic*>(op.owner);
    auto* partition = self.context_->cluster().context(shard).partitions().find(part.key);
    if (partition == nullptr) return;
    partition->count_in(static_cast<std::uint64_t>(part.end_offset - part.base_offset),
                        part.batches.size());
}

void AppendAtomic::done() noexcept {
    auto& context = *context_;
    context.timers().disarm(timer_);
    if (!answered_) {
        call_.log_done();
        respond();
        call_.finish();
    }
    buffer_ = {};  // A refusal's message still reads the batches.
    context.pools().atomic_appends.give_back(*this);
    context.call_ended();
}

// What is on its way may still be stored; only the answer is given.
void AppendAtomic::deadline_passed() noexcept {
    answered_ = true;
    call_.send_error(ErrorCode::timed_out, {});
    call_.finish();
}

ErrorCode AppendAtomic::refusal() const noexcept {
    const auto& error = op_.outcome.error();
    if (error.code != engine::Errc::unknown_topic_id) return to_wire(error);
    return missing_ == PartitionSource::Missing::topic ? ErrorCode::unknown_topic
                                                       : ErrorCode::unknown_partition;
}

std::string AppendAtomic::refusal_message(ErrorCode code) const {
    std::string text(wire::row_of(code).sentence);
    if (!op_.refused_part) {
        if (code != ErrorCode::message_too_large) return text;
        return fmt::format(
                "All batches of an atomic append together are larger than {} bytes, a quarter of a "
                "file of the write-ahead log (wal.bytes).",
                context_->engine().append_bytes_max());
    }
    const auto& part = parts_[*op_.refused_part];
    const auto* topic = context_->catalog().find(part.key.topic);
    if (topic == nullptr) return unknown_topic_message({});
    switch (code) {
        case ErrorCode::unknown_topic:
            return unknown_topic_message({});
        case ErrorCode::unknown_partition:
            return unknown_partition_message(topic->name, part.key.partition, topic->partitions);
        case ErrorCode::message_too_large:
            return message_too_large_message(topic->name,
                                             largest_batch_bytes(part.batches),
                                             topic->log_config.message_bytes_max);
        case ErrorCode::invalid_timestamp:
            if (!part.timestamp_fault) break;
            return invalid_timestamp_message(
                    topic->name, part.key.partition, *part.timestamp_fault);
        case ErrorCode::unexpected_offset:
            return unexpected_offset_message(topic->name,
                                             part.key.partition,
                                             part.end_offset.value,
                                             part.expected_offset->value);
        case ErrorCode::unsupported_batch:
            if (!topic->log_config.compacts) break;
            return fmt::format(
                    "Topic '{}' is compacted: its part of an atomic append is neither "
                    "compressed nor of an idempotent producer.",
                    topic->name);
        default:
            break;
    }
    return fmt::format("Partition {} of topic '{}': {}", part.key.partition, topic->name, text);
}

void AppendAtomic::respond() noexcept {
    if (!op_.outcome) {
        const auto code = refusal();
        return call_.send_error(code, refusal_message(code));
    }
    if (call_.peer() == nullptr) return;
    auto& writer = context_->writer();
    auto& builder = writer.begin();
    const auto partitions =
            write_rows<wire::ProducedPartition>(builder, parts_.size(), [this](std::size_t index) {
                const auto& part = parts_[index];
                return wire::ProducedPartition(to_wire(part.key.topic),
                                               part.key.partition,
                                               0,
                                               0,
                                               part.base_offset.value,
                                               part.append_time,
                                               part.log_start.value);
            });
    wire::AppendAtomicResponseBuilder response(builder);
    response.add_partitions(partitions);
    const auto root = response.Finish();
    call_.send_table(writer.finish(root));
}

}  // namespace millrace::broker
