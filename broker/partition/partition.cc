// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/partition/partition.h"

#include "engine/assert.h"

namespace millrace::broker {

Partition::Partition(const engine::PartitionKey& key, engine::Log& log) : key_(key), log_(log) {
    log_.set_listener(this);
}

Partition::~Partition() {
    log_.set_listener(nullptr);
    while (interests_ != nullptr) {
        auto& interest = *interests_;
        unlink(interest);
        interest.woken(interest);
    }
}

void Partition::link(Interest& interest) noexcept {
    ASSERT(interest.partition == nullptr);
    ASSERT(interest.woken != nullptr);
    interest.partition = this;
    interest.previous = nullptr;
    interest.next = interests_;
    if (interests_ != nullptr) interests_->previous = &interest;
    interests_ = &interest;
}

void Partition::unlink(Interest& interest) noexcept {
    if (interest.partition == nullptr) return;
    if (interest.previous != nullptr) {
        interest.previous->next = interest.next;
    } else {
        interest.partition->interests_ = interest.next;
    }
    if (interest.next != nullptr) interest.next->previous = interest.previous;
    interest.partition = nullptr;
    interest.next = nullptr;
    interest.previous = nullptr;
}

void Partition::visible_end_moved(engine::Offset) noexcept {
    for (auto* interest = interests_; interest != nullptr; interest = interest->next) {
        interest->woken(*interest);
    }
}

}  // namespace millrace::broker
