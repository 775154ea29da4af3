// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/fetch.h"

namespace millrace::broker {

Fetch& Fetches::take(RequestContext& context) {
    auto& fetch = pool_.take(context);
    fetch.previous_active_ = nullptr;
    fetch.next_active_ = active_;
    if (active_ != nullptr) active_->previous_active_ = &fetch;
    active_ = &fetch;
    return fetch;
}

void Fetches::give_back(Fetch& fetch) noexcept {
    (fetch.previous_active_ != nullptr ? fetch.previous_active_->next_active_ : active_) =
            fetch.next_active_;
    if (fetch.next_active_ != nullptr)
        fetch.next_active_->previous_active_ = fetch.previous_active_;
    pool_.give_back(fetch);
}

void Fetches::end_all() noexcept {
    for (auto* fetch = active_; fetch != nullptr;) {
        auto* next = fetch->next_active_;
        fetch->end();
        fetch = next;
    }
}

void Fetches::end_of(const ClientConnection& connection) noexcept {
    for (auto* fetch = active_; fetch != nullptr;) {
        auto* next = fetch->next_active_;
        if (fetch->belongs_to(connection)) fetch->end();
        fetch = next;
    }
}

}  // namespace millrace::broker
