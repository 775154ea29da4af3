// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "core/control_channel.h"

#include <algorithm>
#include <utility>

namespace millrace::detail {

ControlChannel::ControlChannel(std::shared_ptr<EventLoop> loop, LinkOptions options)
        : loop_(std::move(loop)), options_(std::move(options)) {}

void ControlChannel::open(FirstOutcome outcome) {
    first_outcome_ = std::move(outcome);
    timer_ = std::make_unique<Timer>(*loop_, [this] { expire(); });
    link_ = Link::make(loop_, options_, *this);
    link_->want();
}

void ControlChannel::submit(Call& call) {
    if (shut_) {
        return call.done(call, Error{ErrorCode::closed, "The client was closed."});
    }
    waiting_.push_back(&call);
    pump();
    expire();
}

void ControlChannel::pump() {
    if (pumping_) return;  // A `done` that submits again: the loop below sees it.
    pumping_ = true;
    while (!waiting_.empty() && link_->ready() &&
           (link_->idle() || link_->has_room(waiting_.front()->frame_bytes()))) {
        auto* call = waiting_.front();
        waiting_.pop_front();
        link_->send(*call);
    }
    pumping_ = false;
    if (!waiting_.empty()) link_->want();
}

void ControlChannel::expire() {
    if (shut_) return;
    const auto now = EventLoop::now();
    std::deque<Call*> late;
    engine::MonotonicTime earliest = engine::MonotonicTime::max();
    std::erase_if(waiting_, [&](Call* call) {
        if (call->deadline > now) {
            earliest = std::min(earliest, call->deadline);
            return false;
        }
        late.push_back(call);
        return true;
    });
    if (waiting_.empty()) {
        timer_->cancel();
    } else {
        timer_->start_at(earliest);
    }
    const auto why = last_error_.code != ErrorCode::none
                             ? last_error_
                             : Error{ErrorCode::timed_out, "The broker did not answer in time."};
    for (auto* call : late)
        call->done(*call, why);
}

void ControlChannel::fail(const Error& why) {
    if (!shut_) link_->fail(why);
}

void ControlChannel::shutdown() {
    shut_ = true;
    timer_.reset();
    if (link_) link_->shutdown();
    const auto waiting = std::exchange(waiting_, {});
    for (auto* call : waiting)
        call->done(*call, Error{ErrorCode::closed, "The client was closed."});
}

std::string ControlChannel::address() const {
    const std::lock_guard lock(mutex_);
    return address_;
}

void ControlChannel::link_ready() noexcept {
    last_error_ = {};
    {
        const std::lock_guard lock(mutex_);
        address_ = link_->address();
    }
    if (const auto outcome = std::exchange(first_outcome_, nullptr)) outcome({});
    pump();
}

void ControlChannel::link_room() noexcept {
    pump();
}

void ControlChannel::link_lost(const Error& why) noexcept {
    last_error_ = why;
    if (const auto outcome = std::exchange(first_outcome_, nullptr)) return outcome(why);
    if (!waiting_.empty()) link_->want();
}

}  // namespace millrace::detail
