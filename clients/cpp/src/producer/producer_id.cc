// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The part of a producer that asks for its id, when the first batch is about to be sent.
#include "codec/producers.h"
#include "producer/producer_calls.h"
#include "producer/producer_state.h"

#include <utility>

namespace millrace::detail {

namespace {

// A broker of a version that gives no ids.
bool gives_no_ids(ErrorCode code) {
    return code == ErrorCode::unsupported_api || code == ErrorCode::unsupported_version;
}

}  // namespace

engine::MonotonicTime ProducerState::ask_for_id_at() const {
    const std::lock_guard lock(mutex_);
    return accumulator_.wants_producer_id() ? ask_for_id_at_ : engine::MonotonicTime::max();
}

void ProducerState::ask_for_id() {
    const auto now = EventLoop::now();
    if (asking_for_id_ || ask_for_id_at() > now) return;
    asking_for_id_ = true;
    auto question = std::make_unique<IdQuestion>();
    question->request = encode_init_producer(broker_timeout());
    question->deadline = now + request_timeout_;
    question->state = shared_from_this();
    question->done = [](Call& ended, Result<Response> outcome) noexcept {
        const std::unique_ptr<IdQuestion> self(static_cast<IdQuestion*>(&ended));
        const auto state = self->state;
        state->id_answered(std::move(outcome));
    };
    control_->submit(*question.release());
}

void ProducerState::id_answered(Result<Response> response) {
    asking_for_id_ = false;
    if (shut_) return;
    const auto id =
            response ? decode_init_producer(*response) : Result<std::int64_t>(response.error());
    if (!id && id.error().code == ErrorCode::protocol_violation) control_->fail(id.error());
    {
        const std::lock_guard lock(mutex_);
        if (id) {
            accumulator_.set_producer_id(*id);
        } else if (gives_no_ids(id.error().code)) {
            accumulator_.cannot_number();
        } else {
            if (response) {
                accumulator_.id_refused(id.error());
            } else {
                accumulator_.note(id.error());
            }
            ask_for_id_at_ = EventLoop::now() + options_.retry_delay_max;
        }
    }
    pump();
}

}  // namespace millrace::detail
