// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/catalog_call.h"

#include "broker/protocol/wire_error.h"

namespace millrace::broker {

wire::ErrorCode to_wire(CatalogProblem problem) noexcept {
    using wire::ErrorCode;
    switch (problem) {
        case CatalogProblem::none:
            return ErrorCode::none;
        case CatalogProblem::unknown_topic:
            return ErrorCode::unknown_topic;
        case CatalogProblem::topic_exists:
            return ErrorCode::topic_exists;
        case CatalogProblem::invalid_topic_name:
            return ErrorCode::invalid_topic_name;
        case CatalogProblem::invalid_partition_count:
            return ErrorCode::invalid_partition_count;
        case CatalogProblem::invalid_config:
            return ErrorCode::invalid_config;
        case CatalogProblem::storage_full:
            return ErrorCode::storage_full;
        case CatalogProblem::storage_failed:
            return ErrorCode::storage_failed;
        case CatalogProblem::unusable_files:
            return ErrorCode::damaged_range;
        case CatalogProblem::shutting_down:
            return ErrorCode::shutting_down;
    }
    return ErrorCode::unknown_server_error;
}

Refusal outcome_of(const TopicCommandItem& item, bool timed_out) {
    using wire::ErrorCode;
    if (timed_out)
        return {ErrorCode::timed_out, std::string(row_of(ErrorCode::timed_out).sentence)};
    const auto code = to_wire(item.problem);
    if (code == ErrorCode::none) return {code, item.message};
    if (code == ErrorCode::unknown_topic) return {code, unknown_topic_message(item.name)};
    if (item.message.empty()) return {code, std::string(row_of(code).sentence)};
    return {code, item.message};
}

CatalogCall::CatalogCall(Key /*key*/,
                         const Call& call,
                         std::unique_ptr<TopicCommand> command,
                         Respond respond,
                         IncomingFrame frame)
        : call_(call),
          context_(call.context()),
          command_(std::move(command)),
          respond_(respond),
          frame_(std::move(frame)) {}

void CatalogCall::start(const Call& call,
                        std::unique_ptr<TopicCommand> command,
                        std::uint32_t timeout_ms,
                        Respond respond,
                        IncomingFrame frame) {
    auto owned = std::make_unique<CatalogCall>(
            Key(), call, std::move(command), respond, std::move(frame));
    auto& self = *owned;
    self.self_ = std::move(owned);
    // The command holds up a stop, answered or not.
    self.context_.call_began();
    self.command_->owner = &self;
    self.command_->done = &CatalogCall::command_done;
    self.message_.catalog_call = &self;
    self.message_.run = &CatalogCall::arrive;
    self.timer_.owner = &self;
    self.timer_.fired = [](Timer& timer) noexcept {
        static_cast<CatalogCall*>(timer.owner)->answer(true);
    };
    if (timeout_ms > 0) {
        self.asked_ = self.command_->items;
        self.context_.timers().arm(self.timer_,
                                   self.context_.now() + std::chrono::milliseconds(timeout_ms));
    }
    self.context_.cluster().post.post(0, self.message_);
}

void CatalogCall::arrive(engine::PostedTask& task) noexcept {
    auto& self = *static_cast<Message&>(task).catalog_call;
    self.context_.cluster().catalog->run(*self.command_);
}

void CatalogCall::command_done(TopicCommand& command) noexcept {
    auto& self = *static_cast<CatalogCall*>(command.owner);
    self.message_.run = &CatalogCall::come_back;
    self.context_.cluster().post.post(self.context_.shard(), self.message_);
}

void CatalogCall::come_back(engine::PostedTask& task) noexcept {
    auto& self = *static_cast<Message&>(task).catalog_call;
    const auto owned = std::move(self.self_);
    self.context_.timers().disarm(self.timer_);
    self.done_ = true;
    if (!self.answered_) self.answer(false);
    self.context_.call_ended();
}

void CatalogCall::answer(bool timed_out) noexcept {
    answered_ = true;
    respond_(*this, timed_out);
    call_.finish();
}

}  // namespace millrace::broker
