// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A request that changes the catalogue, on its way to shard 0 and back.
//
// Lifecycle:   made for one request, deletes itself when its command is done. Its answer may be
//              given earlier, by its deadline.
// Thread:      its connection's shard; the command itself shard 0's.
#pragma once

#include "broker/base/timer.h"
#include "broker/cluster/topic_command.h"
#include "broker/protocol/refusal.h"
#include "broker/request/call.h"
#include "broker/request/request_context.h"

#include <memory>
#include <string>
#include <vector>

namespace millrace::broker {

class CatalogCall {
public:
    // Writes the answer from items(); all of them timed_out when `timed_out`. On the connection's
    // shard.
    using Respond = void (*)(CatalogCall& catalog_call, bool timed_out);

    // `timeout_ms` 0: no deadline.
    static void start(const Call& call,
                      std::unique_ptr<TopicCommand> command,
                      std::uint32_t timeout_ms,
                      Respond respond,
                      IncomingFrame frame = {});

    // For start() alone.
    class Key {
        friend class CatalogCall;
        Key() = default;
    };

    CatalogCall(Key key,
                const Call& call,
                std::unique_ptr<TopicCommand> command,
                Respond respond,
                IncomingFrame frame);
    ~CatalogCall() = default;
    CatalogCall(const CatalogCall&) = delete;
    CatalogCall& operator=(const CatalogCall&) = delete;

    [[nodiscard]] Call& call() noexcept { return call_; }

    // The request itself, for answers that need it again.
    [[nodiscard]] const IncomingFrame& frame() const noexcept { return frame_; }

    // What became of the command; as it was asked when the answer is given before.
    [[nodiscard]] const std::vector<TopicCommandItem>& items() const noexcept {
        return done_ ? command_->items : asked_;
    }

private:
    struct Message : engine::PostedTask {
        CatalogCall* catalog_call = nullptr;
    };

    static void arrive(engine::PostedTask& task) noexcept;
    static void command_done(TopicCommand& command) noexcept;
    static void come_back(engine::PostedTask& task) noexcept;
    void answer(bool timed_out) noexcept;

    std::unique_ptr<CatalogCall> self_;  // Until it is done.
    Call call_;
    RequestContext& context_;
    std::unique_ptr<TopicCommand> command_;
    Respond respond_;
    IncomingFrame frame_;
    Message message_;
    Timer timer_;
    std::vector<TopicCommandItem> asked_;  // Until it is done the command is shard 0's alone.
    bool done_ = false;
    bool answered_ = false;
};

[[nodiscard]] wire::ErrorCode to_wire(CatalogProblem problem) noexcept;

// What became of an item, for the wire.
[[nodiscard]] Refusal outcome_of(const TopicCommandItem& item, bool timed_out);

}  // namespace millrace::broker
