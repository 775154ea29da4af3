// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/timer.h"
#include "broker/partition/partition_table.h"
#include "broker/protocol/api.h"
#include "broker/protocol/request_checks.h"
#include "broker/request/call.h"
#include "engine/atomic_append.h"

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::broker {

class RequestContext;

void handle_append_atomic(RequestContext& context,
                          ClientConnection& connection,
                          IncomingFrame&& frame) noexcept;

// One atomic append on its way. Its answer waits for all of it, or for its deadline. Thread: its
// connection's shard, but for the calls that the engine makes on the partitions' shards.
class AppendAtomic {
public:
    void start(const Call& call,
               const IncomingFrame& frame,
               const wire::AppendAtomicRequest& request);

private:
    static engine::Log* find_log(engine::AtomicAppendOp& op,
                                 std::uint32_t shard,
                                 engine::AtomicPart& part) noexcept;
    static void published(engine::AtomicAppendOp& op,
                          std::uint32_t shard,
                          engine::AtomicPart& part) noexcept;
    void done() noexcept;
    void deadline_passed() noexcept;
    void respond() noexcept;
    [[nodiscard]] wire::ErrorCode refusal() const noexcept;
    [[nodiscard]] std::string refusal_message(wire::ErrorCode code) const;

    Call call_;
    RequestContext* context_ = nullptr;
    ReceiveRef buffer_;  // The batches lie there.
    std::vector<engine::AtomicPart> parts_;
    engine::AtomicAppendOp op_;
    PartitionSource::Missing missing_{};  // Of the refused part, after unknown_topic_id.
    Timer timer_;
    bool answered_ = false;
};

}  // namespace millrace::broker
