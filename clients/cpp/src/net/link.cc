// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "net/link.h"

#include "engine/assert.h"
#include "millrace/version.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace millrace::detail {

namespace {

constexpr std::uint32_t kHelloNumber = 0;  // Correlation id of the greeting alone.

uv_buf_t buffer_of(engine::Bytes bytes) {
    // libuv's buffers are not const although writes only read them.
    return uv_buf_init(const_cast<char*>(reinterpret_cast<const char*>(bytes.data())),
                       static_cast<unsigned>(bytes.size()));
}

}  // namespace

std::shared_ptr<Link> Link::make(std::shared_ptr<EventLoop> loop,
                                 LinkOptions options,
                                 LinkListener& listener) {
    return std::shared_ptr<Link>(new Link(std::move(loop), std::move(options), listener));
}

Link::Link(std::shared_ptr<EventLoop> loop, LinkOptions options, LinkListener& listener)
        : loop_(std::move(loop)),
          options_(std::move(options)),
          listener_(&listener),
          attempt_timer_(std::make_unique<Timer>(*loop_, [this] { attempt_timer_fired(); })),
          deadline_timer_(std::make_unique<Timer>(*loop_, [this] { check_deadlines(); })),
          hello_(encode_hello(options_.client_name, version())) {}

void Link::want() {
    if (state_ != State::idle) return;
    if (delay_.count() == 0) return start_round();
    state_ = State::waiting;
    attempt_timer_->start_at(EventLoop::now() + delay_);
}

void Link::start_round() {
    addresses_tried_ = 0;
    try_address();
}

void Link::try_address() {
    state_ = State::resolving;
    const auto attempt = ++attempt_;
    attempt_timer_->start_at(EventLoop::now() + options_.connect_timeout);
    resolve(*loop_,
            options_.addresses[address_],
            [weak = weak_from_this(), attempt](Result<std::vector<Endpoint>> resolved) {
                const auto self = weak.lock();
                if (!self || self->attempt_ != attempt) return;
                if (!resolved) return self->address_failed(resolved.error());
                self->endpoints_ = *std::move(resolved);
                std::reverse(self->endpoints_.begin(), self->endpoints_.end());
                self->try_endpoint();
            });
}

void Link::try_endpoint() {
    const auto endpoint = std::move(endpoints_.back());
    endpoints_.pop_back();
    state_ = State::connecting;
    self_ = shared_from_this();
    transport_ =
            Transport::connect(*loop_, endpoint, wire::kFrameBytesMaxBeforeAuthentication, *this);
}

void Link::address_failed(const Error& why) {
    ++attempt_;
    address_ = (address_ + 1) % options_.addresses.size();
    if (++addresses_tried_ < options_.addresses.size()) return try_address();
    round_failed(why);
}

void Link::round_failed(const Error& why) {
    attempt_timer_->cancel();
    state_ = State::idle;
    delay_ = std::clamp(delay_ * 2, options_.reconnect_delay_min, options_.reconnect_delay_max);
    if (listener_ != nullptr) listener_->link_lost(why);
}

void Link::transport_connected() noexcept {
    state_ = State::greeting;
    const auto buffer = buffer_of(hello_);
    transport_->write({&buffer, 1}, kHelloNumber);
}

void Link::transport_frame(Response frame) noexcept {
    if (state_ == State::greeting) return greeted(frame);
    if (state_ == State::ready) answered(std::move(frame));
}

void Link::greeted(const Response& frame) {
    auto greeting = decode_hello(frame);
    if (!greeting) {
        auto error = greeting.error();
        error.message = options_.addresses[address_].text + ": " + error.message;
        return transport_->close(std::move(error));
    }
    greeting_ = *std::move(greeting);
    answered_ = options_.addresses[address_].text;
    transport_->set_frame_bytes_max(wire::kFrameBytesCap);
    attempt_timer_->cancel();
    endpoints_.clear();
    state_ = State::ready;
    if (listener_ != nullptr) listener_->link_ready();
}

std::uint32_t Link::room() const noexcept {
    if (in_flight_.empty()) return greeting_.request_bytes_max;
    if (in_flight_.size() >= greeting_.requests_in_flight_max) return 0;
    if (bytes_in_flight_ >= greeting_.bytes_in_flight_max) return 0;
    const auto left = static_cast<std::uint32_t>(greeting_.bytes_in_flight_max - bytes_in_flight_);
    return std::min(left, greeting_.request_bytes_max);
}

std::optional<Error> Link::refusal_of(wire::Api api) const {
    for (const auto& range : greeting_.apis) {
        if (range.api != static_cast<std::uint16_t>(api)) continue;
        if (range.version_min <= kApiVersion && kApiVersion <= range.version_max) return {};
        return Error{ErrorCode::unsupported_version,
                     "The broker speaks versions " + std::to_string(range.version_min) + " to " +
                             std::to_string(range.version_max) + " of this call, this library " +
                             std::to_string(kApiVersion) + "."};
    }
    return Error{ErrorCode::unsupported_api, std::string(sentence_of(ErrorCode::unsupported_api))};
}

void Link::send(Call& call) {
    ASSERT(ready());
    if (const auto refusal = refusal_of(call.request.api)) return call.done(call, *refusal);
    if (next_id_ == kHelloNumber) ++next_id_;
    while (in_flight_.contains(next_id_))
        ++next_id_;
    const auto number = next_id_++;
    auto& head = call.request.head;
    std::memcpy(head.data() + offsetof(wire::FrameHeader, correlation_id), &number, sizeof number);
    in_flight_[number].call = &call;
    bytes_in_flight_ += call.frame_bytes();
    if (deadline_timer_at_.count() == 0 || call.deadline < deadline_timer_at_) {
        deadline_timer_at_ = call.deadline;
        deadline_timer_->start_at(deadline_timer_at_);
    }
    static constexpr std::array<std::byte, wire::kFrameAlignment> kZeros{};
    std::vector<uv_buf_t> buffers;
    buffers.reserve(call.payload.size() + 2);
    buffers.push_back(buffer_of(head));
    for (const auto& bytes : call.payload)
        buffers.push_back(buffer_of(bytes));
    const auto padding = wire::padded(call.request.payload_bytes) - call.request.payload_bytes;
    if (padding > 0) buffers.push_back(buffer_of(engine::Bytes(kZeros).first(padding)));
    transport_->write(buffers, number);
}

void Link::complete(std::map<std::uint32_t, InFlight>::iterator entry, Result<Response> outcome) {
    auto& call = *entry->second.call;
    bytes_in_flight_ -= call.frame_bytes();
    in_flight_.erase(entry);
    call.done(call, std::move(outcome));
}

void Link::transport_written(std::uint32_t number) noexcept {
    const auto found = in_flight_.find(number);
    if (found == in_flight_.end()) return;
    found->second.written = true;
    if (found->second.call->one_way) {
        complete(found, Response());
    } else if (found->second.response) {
        auto response = *std::move(found->second.response);
        complete(found, std::move(response));
    } else {
        return;
    }
    if (listener_ != nullptr) listener_->link_room();
}

void Link::answered(Response frame) {
    const auto found = in_flight_.find(frame.header.correlation_id);
    if (found == in_flight_.end() || found->second.call->one_way || found->second.response ||
        frame.header.api != static_cast<std::uint16_t>(found->second.call->request.api)) {
        return fail(
                {ErrorCode::protocol_violation, answered_ + " answered a question nobody asked."});
    }
    delay_ = {};  // It works: the next connection needs no delay.
    if (!found->second.written) {
        found->second.response = std::move(frame);
        return;
    }
    complete(found, std::move(frame));
    if (listener_ != nullptr) listener_->link_room();
}

void Link::fail(Error why) {
    if (state_ != State::ready) return;
    state_ = State::closing;
    transport_->close(std::move(why));
}

void Link::fail_all(const Error& why) {
    auto failed = std::move(in_flight_);
    in_flight_.clear();
    bytes_in_flight_ = 0;
    if (deadline_timer_) deadline_timer_->cancel();
    deadline_timer_at_ = {};
    const auto now = EventLoop::now();
    for (auto& [number, entry] : failed) {
        // One late answer ends the connection, but only that request timed out.
        const bool in_time = why.code == ErrorCode::timed_out && entry.call->deadline > now;
        entry.call->done(*entry.call, in_time ? Error{ErrorCode::disconnected, why.message} : why);
    }
}

void Link::transport_closed(const Error& why) noexcept {
    const auto self = std::move(self_);
    transport_ = nullptr;
    if (state_ == State::shut) {
        return fail_all({ErrorCode::closed, std::string(sentence_of(ErrorCode::closed))});
    }
    const bool was_connecting = state_ == State::connecting || state_ == State::greeting;
    if (was_connecting && !endpoints_.empty() && why.code != ErrorCode::timed_out) {
        return try_endpoint();
    }
    if (was_connecting) return address_failed(why);
    state_ = State::closing;  // Until the requests know: none of them may reconnect it.
    fail_all(why);
    if (state_ == State::closing) round_failed(why);
}

void Link::attempt_timer_fired() {
    if (state_ == State::waiting) return start_round();
    Error why{ErrorCode::timed_out,
              options_.addresses[address_].text + " did not answer within " +
                      std::to_string(options_.connect_timeout.count()) + " ms."};
    if (state_ == State::resolving) return address_failed(why);
    if (transport_ != nullptr) transport_->close(std::move(why));
}

void Link::check_deadlines() {
    const auto now = EventLoop::now();
    engine::MonotonicTime earliest{0};
    for (const auto& [number, entry] : in_flight_) {
        const auto deadline = entry.call->deadline;
        if (earliest.count() == 0 || deadline < earliest) earliest = deadline;
    }
    deadline_timer_at_ = earliest;
    if (earliest.count() == 0) return;
    if (earliest > now) return deadline_timer_->start_at(earliest);
    fail({ErrorCode::timed_out, answered_ + " did not answer in time."});
}

void Link::shutdown() {
    if (state_ == State::shut) return;
    state_ = State::shut;
    listener_ = nullptr;
    ++attempt_;
    attempt_timer_.reset();  // Here, on the loop: the last reference may be dropped elsewhere.
    deadline_timer_.reset();
    if (transport_ != nullptr) {
        transport_->close({ErrorCode::closed, std::string(sentence_of(ErrorCode::closed))});
    }
}

}  // namespace millrace::detail
