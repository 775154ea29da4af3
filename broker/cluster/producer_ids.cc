// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/producer_ids.h"

#include "engine/assert.h"

#include <utility>

namespace millrace::broker {

void ProducerIds::ask(ProducerIdRequest& request) {
    waiting_.push_back(&request);
    give();
}

void ProducerIds::reserved(std::int64_t first) noexcept {
    ASSERT(reserving_);
    reserving_ = false;
    next_ = first;
    end_ = first + kProducerIdBlock;
    give();
}

void ProducerIds::give() noexcept {
    while (!waiting_.empty() && next_ < end_) {
        auto& request = *waiting_.front();
        waiting_.pop_front();
        request.producer_id = next_++;
        request.done(request);
    }
}

void ProducerIds::refuse(CatalogProblem problem, std::string_view message) {
    reserving_ = false;
    for (auto* request : std::exchange(waiting_, {})) {
        request->problem = problem;
        request->message = message;
        request->done(*request);
    }
}

}  // namespace millrace::broker
