// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/duplicate_acks.h"

#include "engine/assert.h"

#include <utility>

namespace millrace::engine {

void DuplicateAcks::push(AppendOp& op) noexcept {
    ASSERT(op.next == nullptr);
    op.next = std::exchange(first_, &op);
}

void DuplicateAcks::complete(Offset mark) noexcept {
    if (first_ == nullptr) return;
    // Out of the list first: what a done() appends may come into it.
    AppendOp* reached = nullptr;
    for (auto** link = &first_; *link != nullptr;) {
        auto& op = **link;
        if (op.end_offset > mark) {
            link = &op.next;
            continue;
        }
        *link = std::exchange(op.next, reached);
        reached = &op;
    }
    while (reached != nullptr) {
        auto& op = *std::exchange(reached, reached->next);
        op.next = nullptr;
        op.outcome = {};
        op.done(op);
    }
}

void DuplicateAcks::fail(Error error) noexcept {
    while (first_ != nullptr) {
        auto& op = *std::exchange(first_, first_->next);
        op.next = nullptr;
        op.outcome = std::unexpected(error);
        op.done(op);
    }
}

}  // namespace millrace::engine
