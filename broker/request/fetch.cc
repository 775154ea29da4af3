// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/fetch.h"

#include "broker/request/fetch_port.h"
#include "broker/request/handler_pools.h"
#include "engine/assert.h"

#include <algorithm>

namespace millrace::broker {
namespace {

constexpr std::size_t kSessionPartitionsMax = 16'384;
constexpr std::uint32_t kWaitMsMax = 5 * 60 * 1000;
// Payload that one response holds, but for one larger batch: it stays in memory until the client
// has taken it, however slow that is.
constexpr std::uint32_t kResponseBytesMax = 1024 * 1024;

}  // namespace

Fetch::Fetch(RequestContext& context) : context_(context), ports_(context.cluster().shards()) {
    timer_.owner = this;
    timer_.fired = [](Timer& timer) noexcept {
        auto& fetch = *static_cast<Fetch*>(timer.owner);
        fetch.enough_ = true;
        fetch.collect_all();
    };
}

Fetch::~Fetch() = default;

Fetch::Port& Fetch::port(std::uint32_t shard) {
    auto& slot = ports_[shard];
    if (slot == nullptr) {
        auto& target = shard == context_.shard() ? context_ : context_.cluster().context(shard);
        slot = std::make_unique<Port>(*this, target, shard);
    }
    return *slot;
}

void Fetch::begin_session(ClientConnection& connection, std::uint32_t session_id) {
    session_connection_ = &connection;
    session_id_ = session_id;
    next_epoch_ = 0;
    ++connection.calls;
    connection.sessions.push_back(this);
}

bool Fetch::change(const FetchChange& change) {
    ASSERT(state_ == State::idle);
    if (session_id_ != 0) {
        if (change.forget) {
            watched_.erase(change.key);
        } else if (watched_.insert(change.key).second && watched_.size() > kSessionPartitionsMax) {
            return false;
        }
    }
    auto& changed = port(context_.shard_of(change.key));
    changed.in_use = true;
    changed.changes.push_back(change);
    return true;
}

void Fetch::start(const Call& call, const FetchParameters& parameters) {
    ASSERT(state_ == State::idle);
    call_ = call;
    if (session_id_ != 0) ++next_epoch_;
    parameters_ = parameters;
    parameters_.bytes_max = std::min(parameters.bytes_max, kResponseBytesMax);
    parameters_.bytes_min = std::min(parameters.bytes_min, parameters_.bytes_max);
    enough_ = ending_ || context_.stopping();
    deadline_ = context_.now() +
                std::chrono::milliseconds(std::min(parameters.wait_max_ms, kWaitMsMax));
    if (call.peer() != nullptr && call.peer()->unsent_bytes() > kUnsentBytesMax) {
        state_ = State::held;
        call.connection().held.push_back(this);
        return;
    }
    poll();
}

void Fetch::go_on() noexcept {
    ASSERT(state_ == State::held);
    poll();
}

void Fetch::poll() noexcept {
    state_ = State::polling;
    some_back_ = false;
    std::uint32_t ports = 0;
    std::uint32_t have = 0;
    for (const auto& each : ports_) {
        if (each == nullptr || !each->in_use) continue;
        ++ports;
        have += each->part.bytes;
    }
    const bool wait = !enough_ && parameters_.wait_max_ms > 0 && context_.now() < deadline_;
    const auto missing = parameters_.bytes_min - std::min(have, parameters_.bytes_min);
    ++away_;  // Until all are on their way.
    // This shard's part first: when it has enough the others need not begin to wait.
    for (const bool local : {true, false}) {
        for (const auto& each : ports_) {
            if (each == nullptr || !each->in_use || each->local() != local) continue;
            poll_port(*each, ports, missing, wait && !some_back_);
        }
    }
    if (wait && !some_back_ && away_ > 1 && !timer_.armed) {
        context_.timers().arm(timer_, deadline_);
    }
    if (--away_ == 0) joined();
}

void Fetch::poll_port(Port& to, std::uint32_t ports, std::uint32_t missing, bool wait) noexcept {
    to.order = Port::Order::poll;
    to.keyed = session_id_ != 0;
    to.every_row = parameters_.every_row;
    to.bytes_max = std::max(parameters_.bytes_max / ports, 1U);
    // Whoever has its share of what is missing answers, and then all of them are asked.
    to.bytes_min = wait ? to.part.bytes + (missing + ports - 1) / ports : 0;
    to.reset_when_answered =
            session_id_ == 0 && (ports == 1 || parameters_.bytes_min <= 1 || !wait);
    send(to);
}

void Fetch::send(Port& to) noexcept {
    ++away_;
    to.away = true;
    if (to.local()) return to.carry_out();
    to.post_there(to.request, [](engine::PostedTask& task) noexcept {
        static_cast<Port::Message&>(task).port->carry_out();
    });
}

// On the part's shard.
void Fetch::port_answered(FetchPart& part) noexcept {
    auto& answered = *static_cast<Port*>(part.owner);
    if (answered.reset_when_answered) part.reset();
    answered.done();
}

void Fetch::port_is_back(Port& back) noexcept {
    back.away = false;
    some_back_ = true;
    --away_;
    if (releasing_) return maybe_released();
    // One has enough, or a reason not to wait: the others give what they have.
    if (away_ > 0) return collect_all();
    joined();
}

void Fetch::collect_all() noexcept {
    if (state_ != State::polling || releasing_) return;
    ++away_;  // Until all are asked: a part may answer within the call.
    for (const auto& each : ports_) {
        if (each == nullptr || !each->away || each->collect_away) continue;
        if (each->local()) {
            each->part.collect();
            continue;
        }
        each->collect_away = true;
        ++away_;
        each->post_there(each->collect, [](engine::PostedTask& task) noexcept {
            auto& asked = *static_cast<Port::Message&>(task).port;
            asked.part.collect();
            asked.post_home(asked.collect, [](engine::PostedTask& returned) noexcept {
                auto& port = *static_cast<Port::Message&>(returned).port;
                port.collect_away = false;
                if (--port.fetch.away_ > 0) return;
                port.fetch.releasing_ ? port.fetch.maybe_released() : port.fetch.joined();
            });
        });
    }
    if (--away_ == 0) joined();
}

void Fetch::joined() noexcept {
    if (poll_again()) return;
    context_.timers().disarm(timer_);
    trim();
    respond();
    for (const auto& each : ports_) {
        if (each == nullptr) continue;
        each->part.rows.clear();
        each->part.slices.clear();
        each->part.bytes = 0;
    }
    state_ = State::idle;
    auto call = *call_;
    call_.reset();
    const bool over = session_id_ == 0 || ending_;
    if (over) release();
    call.finish();
}

bool Fetch::poll_again() noexcept {
    if (enough_ || ending_ || context_.stopping() || call_->peer() == nullptr) return false;
    std::uint64_t bytes = 0;
    std::uint32_t ports = 0;
    for (const auto& each : ports_) {
        if (each == nullptr || !each->in_use) continue;
        ++ports;
        bytes += each->part.bytes;
        if (each->part.full()) return false;  // More would not fit.
        for (const auto& row : each->part.rows) {
            if (row.problem != FetchProblem::none) return false;
        }
    }
    if (ports < 2 || bytes >= parameters_.bytes_min || context_.now() >= deadline_) return false;
    poll();
    return true;
}

void Fetch::end() noexcept {
    ending_ = true;
    enough_ = true;
    if (state_ == State::polling) return collect_all();
    if (state_ == State::held) {
        auto& held = call_->connection().held;
        held.erase(std::remove(held.begin(), held.end(), this), held.end());
        return poll();
    }
    if (!releasing_) release();
}

// Every shard forgets its partitions; when the last one has, the fetch is free.
void Fetch::release() noexcept {
    ASSERT(state_ == State::idle);
    releasing_ = true;
    context_.call_began();
    if (session_connection_ != nullptr) {
        auto& sessions = session_connection_->sessions;
        sessions.erase(std::remove(sessions.begin(), sessions.end(), this), sessions.end());
        context_.release(*session_connection_);
        session_connection_ = nullptr;
    }
    ++away_;
    for (const auto& each : ports_) {
        if (each == nullptr || !each->in_use) continue;
        each->in_use = false;
        each->changes.clear();
        if (each->reset_when_answered) continue;
        each->order = Port::Order::release;
        send(*each);
    }
    --away_;
    maybe_released();
}

void Fetch::maybe_released() noexcept {
    if (away_ > 0) return;
    releasing_ = false;
    ending_ = false;
    session_id_ = 0;
    next_epoch_ = 0;
    watched_.clear();
    context_.pools().fetches.give_back(*this);
    context_.call_ended();
}

}  // namespace millrace::broker
