// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/producer_loads.h"

#include "engine/assert.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace millrace::engine {

namespace {

constexpr MonotonicTime kMemoryRetry = std::chrono::milliseconds(10);

}  // namespace

void ProducerLoads::Line::push(LogState& log) noexcept {
    log.producers.next = nullptr;
    (last == nullptr ? first : last->producers.next) = &log;
    last = &log;
}

LogState* ProducerLoads::Line::pop() noexcept {
    auto* log = first;
    if (log == nullptr) return nullptr;
    first = std::exchange(log->producers.next, nullptr);
    if (first == nullptr) last = nullptr;
    return log;
}

bool ProducerLoads::Line::remove(LogState& log) noexcept {
    LogState* before = nullptr;
    for (auto* each = first; each != nullptr; before = each, each = each->producers.next) {
        if (each != &log) continue;
        (before == nullptr ? first : before->producers.next) = log.producers.next;
        if (last == &log) last = before;
        log.producers.next = nullptr;
        return true;
    }
    return false;
}

ProducerTable* ProducerLoads::use(LogState& log) {
    auto& producers = log.producers;
    if (producers.table == nullptr) {
        if (producers.any) return nullptr;
        producers.table =
                std::make_unique<ProducerTable>(parts_.context.options.producer_expiration_ms);
    }
    memory_.use(log);
    return producers.table.get();
}

void ProducerLoads::wait(LogState& log, LogWaiter& waiter) noexcept {
    auto& producers = log.producers;
    waiter.next = nullptr;
    waiter.previous = producers.last_waiter;
    (waiter.previous == nullptr ? producers.first_waiter : waiter.previous->next) = &waiter;
    producers.last_waiter = &waiter;
    if (std::exchange(producers.loading, true)) return;
    ++log.jobs;  // Until its waiters are told.
    ++producers.pins;
    const bool over = parts_.context.failed || log.removed || producers.table != nullptr;
    (over ? ready_ : waiting_).push(log);
}

void ProducerLoads::cancel(LogState& log, LogWaiter& waiter) noexcept {
    auto& producers = log.producers;
    (waiter.previous == nullptr ? producers.first_waiter : waiter.previous->next) = waiter.next;
    (waiter.next == nullptr ? producers.last_waiter : waiter.next->previous) = waiter.previous;
    waiter.next = waiter.previous = nullptr;
}

void ProducerLoads::end_turn() noexcept {
    // Those who become ready meanwhile are told at the next turn.
    auto telling = std::exchange(ready_, {});
    while (auto* log = telling.pop())
        tell(*log);
    start_loads();
}

void ProducerLoads::tell(LogState& log) noexcept {
    auto& producers = log.producers;
    producers.loading = false;  // Who waits anew from here on stands in line anew.
    auto* waiter = std::exchange(producers.first_waiter, nullptr);
    producers.last_waiter = nullptr;
    while (waiter != nullptr) {
        auto& told = *std::exchange(waiter, waiter->next);
        if (waiter != nullptr) waiter->previous = nullptr;
        told.next = nullptr;
        told.ready(told);
    }
    --producers.pins;
    --log.jobs;
}

void ProducerLoads::start_loads() noexcept {
    if (waiting_.first == nullptr || parts_.context.failed) return;
    if (parts_.context.clock.monotonic_now() < retry_at_) return;
    for (auto& slot : slots_) {
        if (slot.log != nullptr) continue;
        slot.log = waiting_.pop();
        if (slot.log == nullptr) return;
        if (slot.load == nullptr) {
            slot.owner = this;
            slot.load = std::make_unique<ProducerLoad>(parts_);
        }
        slot.load->start(*slot.log, completion_of<&Slot::ended>(slot));
    }
}

void ProducerLoads::Slot::ended(Result<void> outcome) noexcept {
    owner->load_ended(*std::exchange(log, nullptr), outcome);
}

void ProducerLoads::load_ended(LogState& log, Result<void> outcome) noexcept {
    if (log.producers.table != nullptr) memory_.use(log);
    const bool again = !outcome && outcome.error().code == Errc::no_room && !log.removed &&
                       !parts_.context.failed;
    if (again) {
        retry_at_ = parts_.context.clock.monotonic_now() + kMemoryRetry;
        return waiting_.push(log);
    }
    ready_.push(log);
}

void ProducerLoads::forget(LogState& log) noexcept {
    // What is being read ends by itself.
    if (waiting_.remove(log)) ready_.push(log);
}

void ProducerLoads::fail() noexcept {
    while (auto* log = waiting_.pop())
        ready_.push(*log);
}

MonotonicTime ProducerLoads::next_deadline() const noexcept {
    const bool may_start =
            std::ranges::any_of(slots_, [](const Slot& slot) { return slot.log == nullptr; });
    if (waiting_.first == nullptr || !may_start) return MonotonicTime::max();
    return retry_at_;
}

}  // namespace millrace::engine
