// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/partition/append_queue.h"

#include "engine/assert.h"

namespace millrace::broker {

AppendQueue::AppendQueue(PartitionSource& source, engine::ShardEngine& engine, TimerService& timers)
        : source_(source), engine_(engine), timers_(timers) {
    room_.owner = this;
    room_.ready = [](engine::RoomWaiter& waiter) noexcept {
        static_cast<AppendQueue*>(waiter.owner)->room_is_ready();
    };
}

AppendQueue::~AppendQueue() {
    stop();
}

void AppendQueue::submit(PendingAppend& append) noexcept {
    append.problem = AppendProblem::none;
    append.log_start = engine::Offset(-1);
    append.op.owner = &append;
    append.op.done = &AppendQueue::appended;
    if (first_ != nullptr || !enter(append)) {
        park(append);
        if (first_ == &append) wait_for_first();
    }
}

bool AppendQueue::enter(PendingAppend& append) noexcept {
    PartitionSource::Missing missing{};
    auto* partition = source_.find_or_open(append.key, missing);
    if (partition == nullptr) {
        give_up(append,
                missing == PartitionSource::Missing::topic ? AppendProblem::unknown_topic
                                                           : AppendProblem::unknown_partition,
                {});
        return true;
    }
    const auto outcome = partition->log().append(append.op);
    if (!outcome) {
        if (outcome.error().code == engine::Errc::no_room) return false;
        give_up(append, AppendProblem::refused, outcome.error());
        return true;
    }
    append.log_start = partition->log().offsets().log_start;
    partition->count_in(
            static_cast<std::uint64_t>(append.op.end_offset.value - append.op.base_offset.value),
            append.op.batches.size());
    append.released(append);
    return true;
}

void AppendQueue::appended(engine::AppendOp& op) noexcept {
    auto& append = *static_cast<PendingAppend*>(op.owner);
    if (!op.outcome) {
        append.problem = AppendProblem::refused;
        append.error = op.outcome.error();
    }
    append.done(append);
}

void AppendQueue::give_up(PendingAppend& append,
                          AppendProblem problem,
                          engine::Error error) noexcept {
    append.problem = problem;
    append.error = error;
    append.released(append);
    append.done(append);
}

void AppendQueue::count(const PendingAppend& append) noexcept {
    const auto bytes = append.op.batches.size();
    parked_bytes_ += bytes;
    if (append.account != nullptr) append.account->fetch_add(bytes, std::memory_order_relaxed);
}

void AppendQueue::park(PendingAppend& append) noexcept {
    append.next = nullptr;
    append.previous = last_;
    if (last_ != nullptr) {
        last_->next = &append;
    } else {
        first_ = &append;
    }
    last_ = &append;
    count(append);
    append.queue = this;
    append.timer.owner = &append;
    append.timer.fired = [](Timer& timer) noexcept {
        auto& parked = *static_cast<PendingAppend*>(timer.owner);
        parked.queue->expired(parked);
    };
    timers_.arm(append.timer, append.deadline);
}

void AppendQueue::put_first(PendingAppend& append) noexcept {
    append.previous = nullptr;
    append.next = first_;
    (first_ != nullptr ? first_->previous : last_) = &append;
    first_ = &append;
    count(append);
    timers_.arm(append.timer, append.deadline);
}

void AppendQueue::expired(PendingAppend& append) noexcept {
    const bool was_first = &append == first_;
    unpark(append);
    give_up(append, AppendProblem::timed_out, {});
    if (was_first) wait_for_first();
}

void AppendQueue::unpark(PendingAppend& append) noexcept {
    timers_.disarm(append.timer);
    (append.previous != nullptr ? append.previous->next : first_) = append.next;
    (append.next != nullptr ? append.next->previous : last_) = append.previous;
    append.next = nullptr;
    append.previous = nullptr;
    const auto bytes = append.op.batches.size();
    ASSERT(parked_bytes_ >= bytes);
    parked_bytes_ -= bytes;
    if (append.account != nullptr) append.account->fetch_sub(bytes, std::memory_order_relaxed);
}

void AppendQueue::wait_for_first() noexcept {
    if (waiting_) engine_.cancel_wait(room_);
    waiting_ = first_ != nullptr;
    if (!waiting_) return;
    room_.bytes = first_->op.batches.size();
    engine_.wait_for_room(room_);
}

void AppendQueue::room_is_ready() noexcept {
    waiting_ = false;
    while (first_ != nullptr) {
        auto& append = *first_;
        // Out of the queue first: `done` may run within enter() and end its life.
        const auto* rest = append.next;
        unpark(append);
        if (enter(append)) continue;
        ASSERT(first_ == rest);  // Nothing ran that could have changed the queue.
        put_first(append);
        break;
    }
    wait_for_first();
}

void AppendQueue::stop() noexcept {
    if (waiting_) engine_.cancel_wait(room_);
    waiting_ = false;
    while (first_ != nullptr) {
        auto& append = *first_;
        unpark(append);
        give_up(append, AppendProblem::refused, {engine::Errc::shutting_down});
    }
}

}  // namespace millrace::broker
