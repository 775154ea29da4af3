// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Appends that wait for the same thing, in order.
#pragma once

#include "broker/partition/pending_append.h"
#include "engine/assert.h"

namespace millrace::broker {

// Thread: its shard's loop. Linked through the appends, which their callers own.
class ParkedAppends {
public:
    [[nodiscard]] PendingAppend* first() const noexcept { return first_; }

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    void push_back(PendingAppend& append) noexcept {
        ASSERT(append.list == nullptr);
        append.list = this;
        append.next = nullptr;
        append.previous = last_;
        (last_ != nullptr ? last_->next : first_) = &append;
        last_ = &append;
    }

    void push_front(PendingAppend& append) noexcept {
        ASSERT(append.list == nullptr);
        append.list = this;
        append.previous = nullptr;
        append.next = first_;
        (first_ != nullptr ? first_->previous : last_) = &append;
        first_ = &append;
    }

    void remove(PendingAppend& append) noexcept {
        ASSERT(append.list == this);
        append.list = nullptr;
        (append.previous != nullptr ? append.previous->next : first_) = append.next;
        (append.next != nullptr ? append.next->previous : last_) = append.previous;
        append.next = append.previous = nullptr;
    }

private:
    PendingAppend* first_ = nullptr;
    PendingAppend* last_ = nullptr;
};

}  // namespace millrace::broker
