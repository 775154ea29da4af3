// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/base/timer_wheel.h"

#include "engine/assert.h"

#include <algorithm>
#include <bit>

namespace millrace::broker {

namespace {

using std::chrono::milliseconds;

std::uint64_t tick_at_or_after(engine::MonotonicTime time) {
    const auto ticks = std::chrono::ceil<milliseconds>(time).count();
    return static_cast<std::uint64_t>(std::max<std::int64_t>(ticks, 0));
}

}  // namespace

std::uint64_t TimerWheel::tick_at_or_before(engine::MonotonicTime time) noexcept {
    const auto ticks = std::chrono::floor<milliseconds>(time).count();
    return static_cast<std::uint64_t>(std::max<std::int64_t>(ticks, 0));
}

TimerWheel::TimerWheel(std::uint64_t now) : now_(now) {
    for (auto& level : slots_) {
        for (auto& head : level) {
            head.previous = &head;
            head.next = &head;
        }
    }
}

void TimerWheel::arm(Timer& timer, engine::MonotonicTime deadline) noexcept {
    ASSERT(!timer.armed);
    ASSERT(timer.fired != nullptr);
    timer.deadline = deadline;
    timer.armed = true;
    insert(timer);
}

void TimerWheel::insert(Timer& timer) noexcept {
    // A deadline that has passed fires with the next tick, never inside this call.
    const auto due = std::max(tick_at_or_after(timer.deadline), now_ + 1);
    // The level is that of the highest digit (of 6 bits) in which `due` differs from now.
    const auto highest = static_cast<unsigned>(std::bit_width(due ^ now_)) - 1;
    const auto level = std::min(highest / kSlotBits, kLevels - 1);
    auto digit = due >> (level * kSlotBits);
    // Beyond the slowest wheel (12 days): its last slot, from where it is inserted again.
    const auto turn = now_ >> (level * kSlotBits);
    if (level == kLevels - 1) digit = std::min(digit, turn + kSlots - 1);
    const auto slot = static_cast<unsigned>(digit & (kSlots - 1));
    append(slots_[level][slot], timer);
    occupied_[level] |= 1ULL << slot;
}

void TimerWheel::disarm(Timer& timer) noexcept {
    if (!timer.armed) return;
    unlink(timer);
    timer.armed = false;
}

TimerWheel::Place TimerWheel::first_place() const noexcept {
    for (unsigned level = 0; level < kLevels; ++level) {
        const auto shift = level * kSlotBits;
        const auto turn = now_ >> shift;
        const auto current = static_cast<unsigned>(turn & (kSlots - 1));
        while (occupied_[level] != 0) {
            // Slots in the order of time, from the current one on.
            const auto rotated = std::rotr(occupied_[level], static_cast<int>(current));
            const auto ahead = static_cast<unsigned>(std::countr_zero(rotated));
            const auto slot = (current + ahead) & (kSlots - 1);
            const auto& head = slots_[level][slot];
            if (head.next == &head) {
                occupied_[level] &= ~(1ULL << slot);
                continue;
            }
            return {.level = level, .slot = slot, .tick = (turn + ahead) << shift};
        }
    }
    return {};
}

std::uint64_t TimerWheel::next() const noexcept {
    return first_place().tick;
}

void TimerWheel::advance(std::uint64_t now) noexcept {
    for (;;) {
        const auto place = first_place();
        if (place.tick > now) break;
        now_ = std::max(now_, place.tick);
        empty_slot(place);
    }
    now_ = std::max(now_, now);
}

// Fires the timers of a slot of the fastest wheel; moves those of the others closer.
void TimerWheel::empty_slot(Place place) noexcept {
    auto& head = slots_[place.level][place.slot];
    occupied_[place.level] &= ~(1ULL << place.slot);
    // Apart, since what fires may arm timers for this slot again, or disarm the next ones.
    Timer due;
    due.next = head.next;
    due.previous = head.previous;
    due.next->previous = &due;
    due.previous->next = &due;
    head.next = &head;
    head.previous = &head;
    while (due.next != &due) {
        auto& timer = *due.next;
        unlink(timer);
        if (tick_at_or_after(timer.deadline) <= now_) {
            timer.armed = false;
            timer.fired(timer);
        } else {
            insert(timer);
        }
    }
}

void TimerWheel::append(Timer& list, Timer& timer) noexcept {
    timer.previous = list.previous;
    timer.next = &list;
    list.previous->next = &timer;
    list.previous = &timer;
}

void TimerWheel::unlink(Timer& timer) noexcept {
    timer.previous->next = timer.next;
    timer.next->previous = timer.previous;
    timer.previous = nullptr;
    timer.next = nullptr;
}

}  // namespace millrace::broker
