// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/partition/append_queue.h"

#include "engine/assert.h"

#include <utility>

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
    append.op.records_checked = append.opened_too_large = false;
    append.op.refused_record = -1;
    append.op.owner = &append;
    append.op.done = &AppendQueue::appended;
    append.queue = this;
    append.timer.owner = &append;
    append.timer.fired = [](Timer& timer) noexcept {
        auto& parked = *static_cast<PendingAppend*>(timer.owner);
        parked.queue->expired(parked);
    };
    take_on(append);
}

void AppendQueue::take_on(PendingAppend& append) noexcept {
    if (park_behind_blocked(append)) return;
    if (!for_room_.empty()) return park(for_room_, append);
    const auto entered = enter(append);
    switch (entered) {
        case Entered::over:
            return;
        case Entered::unread:
        case Entered::unchecked:
        case Entered::held:
            return park_blocked(append, entered);
        case Entered::no_room:
            park(for_room_, append);
            return wait_for_first();
    }
}

AppendQueue::Entered AppendQueue::enter(PendingAppend& append) noexcept {
    PartitionSource::Missing missing{};
    auto* partition = source_.find_or_open(append.key, missing);
    if (partition == nullptr) {
        give_up(append,
                missing == PartitionSource::Missing::topic ? AppendProblem::unknown_topic
                                                           : AppendProblem::unknown_partition,
                {});
        return Entered::over;
    }
    const auto outcome = partition->log().append(append.op);
    if (!outcome) {
        if (outcome.error().code == engine::Errc::no_room) return Entered::no_room;
        if (outcome.error().code == engine::Errc::producers_unread) return Entered::unread;
        if (outcome.error().code == engine::Errc::log_held) return Entered::held;
        if (outcome.error().code == engine::Errc::records_unchecked) return Entered::unchecked;
        give_up(append, AppendProblem::refused, outcome.error());
        return Entered::over;
    }
    append.log_start = partition->log().offsets().log_start;
    if (!append.op.duplicate) {
        partition->count_in(static_cast<std::uint64_t>(append.op.end_offset.value -
                                                       append.op.base_offset.value),
                            append.op.batches.size());
    }
    append.released(append);
    return Entered::over;
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

void AppendQueue::note_parked(PendingAppend& append) noexcept {
    const auto bytes = append.op.batches.size();
    parked_bytes_ += bytes;
    if (append.account != nullptr) append.account->fetch_add(bytes, std::memory_order_relaxed);
    timers_.arm(append.timer, append.deadline);
}

void AppendQueue::park(ParkedAppends& list, PendingAppend& append) noexcept {
    list.push_back(append);
    note_parked(append);
}

void AppendQueue::unpark(PendingAppend& append) noexcept {
    timers_.disarm(append.timer);
    append.list->remove(append);
    const auto bytes = append.op.batches.size();
    ASSERT(parked_bytes_ >= bytes);
    parked_bytes_ -= bytes;
    if (append.account != nullptr) append.account->fetch_sub(bytes, std::memory_order_relaxed);
}

void AppendQueue::expired(PendingAppend& append) noexcept {
    const bool was_first = &append == for_room_.first();
    if (const auto found = blocked_.find(append.key);
        found != blocked_.end() && found->second->checked == &append) {
        found->second->checked = nullptr;
    }
    unpark(append);
    give_up(append, AppendProblem::timed_out, {});
    if (was_first) wait_for_first();
}

bool AppendQueue::park_behind_blocked(PendingAppend& append) noexcept {
    if (blocked_.empty()) return false;
    const auto found = blocked_.find(append.key);
    if (found == blocked_.end()) return false;
    park(found->second->appends, append);
    return true;
}

void AppendQueue::park_blocked(PendingAppend& append, Entered why) noexcept {
    PartitionSource::Missing missing{};
    auto& blocked = *blocked_.emplace(append.key, std::make_unique<Blocked>()).first->second;
    blocked.queue = this;
    blocked.key = append.key;
    blocked.log = &source_.find_or_open(append.key, missing)->log();
    blocked.waiter.owner = &blocked;
    blocked.waiter.ready = [](engine::LogWaiter& waiter) noexcept {
        auto& ready = *static_cast<Blocked*>(waiter.owner);
        ready.queue->unblocked(ready);
    };
    park(blocked.appends, append);
    if (why == Entered::held) return blocked.log->wait_for_release(blocked.waiter);
    if (why == Entered::unread) return blocked.log->wait_for_producers(blocked.waiter);
    blocked.checking = true;
    blocked.checked = &append;
    blocked.check.batches = append.op.batches;
    blocked.check.owner = &blocked;
    blocked.check.done = [](engine::RecordsCheck& check) noexcept {
        auto& checked = *static_cast<Blocked*>(check.owner);
        checked.queue->records_checked(checked);
    };
    blocked.log->check_records(blocked.check);
}

void AppendQueue::records_checked(Blocked& blocked) noexcept {
    if (auto* append = blocked.checked; append != nullptr && blocked.check.outcome) {
        append->op.records_checked = true;
    } else if (append != nullptr) {
        unpark(*append);
        append->op.refused_record = blocked.check.refused_record;
        append->opened_too_large =
                blocked.check.outcome.error().code == engine::Errc::batch_too_large;
        give_up(*append, AppendProblem::refused, blocked.check.outcome.error());
    }
    unblocked(blocked);
}

void AppendQueue::unblocked(Blocked& blocked) noexcept {
    // Out of the way first: what has to wait again, waits anew.
    const auto owned = std::move(blocked_.extract(blocked.key).mapped());
    while (auto* append = blocked.appends.first()) {
        unpark(*append);
        take_on(*append);
    }
}

void AppendQueue::wait_for_first() noexcept {
    if (waiting_) engine_.cancel_wait(room_);
    waiting_ = !for_room_.empty();
    if (!waiting_) return;
    room_.bytes = for_room_.first()->op.batches.size();
    engine_.wait_for_room(room_);
}

void AppendQueue::room_is_ready() noexcept {
    waiting_ = false;
    while (auto* append = for_room_.first()) {
        // Out of the queue first: `done` may run within enter() and end its life.
        const auto* rest = append->next;
        unpark(*append);
        if (park_behind_blocked(*append)) continue;
        const auto entered = enter(*append);
        if (entered == Entered::over) continue;
        if (entered != Entered::no_room) {
            park_blocked(*append, entered);
            continue;
        }
        ASSERT(for_room_.first() == rest);  // Nothing ran that could have changed the queue.
        for_room_.push_front(*append);
        note_parked(*append);
        break;
    }
    wait_for_first();
}

void AppendQueue::give_up_all(ParkedAppends& list) noexcept {
    while (auto* append = list.first()) {
        unpark(*append);
        give_up(*append, AppendProblem::refused, {engine::Errc::shutting_down});
    }
}

void AppendQueue::stop() noexcept {
    if (waiting_) engine_.cancel_wait(room_);
    waiting_ = false;
    give_up_all(for_room_);
    while (!blocked_.empty()) {
        const auto blocked = std::move(blocked_.extract(blocked_.begin()).mapped());
        if (blocked->checking) {
            blocked->log->cancel_check(blocked->check);
        } else {
            blocked->log->cancel_wait(blocked->waiter);
        }
        give_up_all(blocked->appends);
    }
}

}  // namespace millrace::broker
