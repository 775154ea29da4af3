// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/pending_acks.h"

#include "engine/assert.h"

#include <utility>

namespace millrace::engine {

void PendingAcks::push(AppendOp& op) noexcept {
    ASSERT(op.next == nullptr);
    ASSERT(last_ == nullptr || last_->end_offset <= op.end_offset);
    (last_ == nullptr ? first_ : last_->next) = &op;
    last_ = &op;
}

AppendOp& PendingAcks::pop() noexcept {
    auto& op = *first_;
    first_ = std::exchange(op.next, nullptr);
    if (first_ == nullptr) last_ = nullptr;
    return op;
}

void PendingAcks::complete(Offset mark) noexcept {
    while (first_ != nullptr && first_->end_offset <= mark) {
        auto& op = pop();
        op.outcome = {};
        op.done(op);
    }
}

void PendingAcks::fail(Error error) noexcept {
    // An operation queued by a done() belongs to a log that refuses it: the list only shrinks.
    while (first_ != nullptr) {
        auto& op = pop();
        op.outcome = std::unexpected(error);
        op.done(op);
    }
}

}  // namespace millrace::engine
