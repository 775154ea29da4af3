// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/request/fetch.h"

#include "broker/protocol/uuid.h"
#include "broker/protocol/wire_error.h"
#include "broker/request/handler_pools.h"
#include "engine/assert.h"
#include "schemas/fetch_generated.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::broker {
namespace {

using wire::ErrorCode;

constexpr std::size_t kSessionPartitionsMax = 16'384;
constexpr std::uint32_t kWaitMsMax = 5 * 60 * 1000;
// Payload that one response holds, but for one larger batch: it stays in memory until the client
// has taken it, however slow that is.
constexpr std::uint32_t kResponseBytesMax = 1024 * 1024;

ErrorCode code_of(const FetchedRow& row) noexcept {
    switch (row.problem) {
        case FetchProblem::none:
            return ErrorCode::none;
        case FetchProblem::unknown_topic:
            return ErrorCode::unknown_topic;
        case FetchProblem::unknown_partition:
            return ErrorCode::unknown_partition;
        case FetchProblem::unknown_leader_epoch:
            return ErrorCode::unknown_leader_epoch;
        case FetchProblem::log_truncated:
            return ErrorCode::log_truncated;
        case FetchProblem::refused:
            return to_wire(row.error);
    }
    return ErrorCode::unknown_server_error;
}

}  // namespace

// The part of one shard, and the messages to and from it. While `away` the part is the shard's.
struct Fetch::Port {
    enum class Order : std::uint8_t { poll, release };

    struct Message : engine::PostedTask {
        Port* port = nullptr;
    };

    Port(Fetch& owner, RequestContext& target_context, std::uint32_t target_shard)
            : fetch(owner),
              target(target_context),
              part(target_context, owner.context_.cluster().post, target_shard) {
        part.owner = this;
        part.answered = &Fetch::port_answered;
        request.port = this;
        collect.port = this;
    }

    [[nodiscard]] bool local() const noexcept { return &target == &fetch.context_; }

    void post_home(Message& message, void (*run)(engine::PostedTask&) noexcept) noexcept {
        message.run = run;
        fetch.context_.cluster().post.post(fetch.context_.shard(), message);
    }

    void post_there(Message& message, void (*run)(engine::PostedTask&) noexcept) noexcept {
        message.run = run;
        fetch.context_.cluster().post.post(target.shard(), message);
    }

    // On the part's shard.
    void carry_out() noexcept {
        if (order == Order::release) {
            part.reset();
            return done();
        }
        part.apply(changes, keyed);
        changes.clear();
        part.poll(target.stopping() ? 0 : bytes_min, bytes_max, every_row);
    }

    // On the part's shard: the order is carried out.
    void done() noexcept {
        if (local()) return fetch.port_is_back(*this);
        post_home(request, [](engine::PostedTask& task) noexcept {
            auto& port = *static_cast<Message&>(task).port;
            port.fetch.port_is_back(port);
        });
    }

    Fetch& fetch;
    RequestContext& target;
    FetchPart part;
    Message request;
    Message collect;
    std::vector<FetchChange> changes;
    Order order = Order::poll;
    std::uint32_t bytes_min = 0;
    std::uint32_t bytes_max = 0;
    bool keyed = false;
    bool every_row = false;
    bool reset_when_answered = false;
    bool in_use = false;  // Has, or is about to get, partitions.
    bool away = false;
    bool collect_away = false;
};

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

void Fetch::begin_session(Connection& connection, std::uint32_t session_id) {
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

// Parts know nothing of each other, so that together they may have more than fits: what is left
// out here is read again by the next poll.
void Fetch::trim() noexcept {
    std::uint64_t bytes = 0;
    for (const auto& each : ports_) {
        if (each == nullptr) continue;
        for (auto& row : each->part.rows) {
            if (row.bytes == 0) continue;
            if (bytes > 0 && bytes + row.bytes > parameters_.bytes_max) {
                row.bytes = 0;
                row.slice_count = 0;
            }
            bytes += row.bytes;
        }
    }
}

void Fetch::respond() noexcept {
    if (call_->peer() == nullptr) return;
    auto& slices = context_.pools().slices;
    slices.clear();
    std::size_t count = 0;
    bool problems = false;
    for (const auto& each : ports_) {
        if (each == nullptr) continue;
        count += each->part.rows.size();
        for (const auto& row : each->part.rows)
            problems |= row.problem != FetchProblem::none;
    }
    auto& writer = context_.writer();
    auto& builder = writer.begin();
    flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<wire::RowMessage>>> messages;
    if (problems) {
        std::vector<flatbuffers::Offset<wire::RowMessage>> texts;
        std::uint32_t index = 0;
        for (const auto& each : ports_) {
            if (each == nullptr) continue;
            for (const auto& row : each->part.rows) {
                const auto code = code_of(row);
                if (code != ErrorCode::none) {
                    texts.push_back(wire::CreateRowMessageDirect(
                            builder, index, message_of(row, code).c_str()));
                }
                ++index;
            }
        }
        messages = builder.CreateVector(texts);
    }
    wire::FetchedPartition* fetched = nullptr;
    const auto partitions = builder.CreateUninitializedVectorOfStructs(count, &fetched);
    for (const auto& each : ports_) {
        if (each == nullptr) continue;
        for (const auto& row : each->part.rows) {
            *fetched++ = wire::FetchedPartition(to_wire(row.key.topic),
                                                row.key.partition,
                                                static_cast<std::uint16_t>(code_of(row)),
                                                0,
                                                row.high_watermark.value,
                                                row.log_start.value,
                                                row.diverging.end_offset.value,
                                                row.diverging.epoch,
                                                row.bytes);
            const auto first = each->part.slices.begin() + row.first_slice;
            slices.insert(slices.end(),
                          std::make_move_iterator(first),
                          std::make_move_iterator(first + row.slice_count));
        }
    }
    wire::FetchResponseBuilder response(builder);
    response.add_partitions(partitions);
    if (!messages.IsNull()) response.add_messages(messages);
    if (session_id_ != 0 && !ending_) {
        response.add_session_id(session_id_);
        response.add_session_epoch(next_epoch_ - 1);
    }
    const auto root = response.Finish();
    call_->send_table(writer.finish(root), slices);
    slices.clear();
}

std::string Fetch::message_of(const FetchedRow& row, ErrorCode code) const {
    const auto* topic = context_.catalog().find(row.key.topic);
    if (code == ErrorCode::unknown_topic || topic == nullptr) return unknown_topic_message({});
    if (code == ErrorCode::unknown_partition) {
        return unknown_partition_message(topic->name, row.key.partition, topic->partitions);
    }
    if (code == ErrorCode::offset_out_of_range) {
        return fmt::format("Partition {} of topic '{}' holds offsets {} to {}.",
                           row.key.partition,
                           topic->name,
                           row.log_start.value,
                           row.high_watermark.value);
    }
    return std::string(wire::row_of(code).sentence);
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

void Fetches::end_of(const Connection& connection) noexcept {
    for (auto* fetch = active_; fetch != nullptr;) {
        auto* next = fetch->next_active_;
        if (fetch->belongs_to(connection)) fetch->end();
        fetch = next;
    }
}

}  // namespace millrace::broker
