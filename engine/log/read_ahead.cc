// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/read_ahead.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace millrace::engine {

namespace {

constexpr MonotonicTime kUnusedMax = std::chrono::seconds(5);

}  // namespace

ReadAhead::ReadAhead(const ReadParts& parts) : parts_(parts) {}

ReadAhead::~ReadAhead() = default;

ReadAhead::Slot* ReadAhead::find(const LogState& log,
                                 const Segment& segment,
                                 std::uint64_t position) noexcept {
    for (const auto& slot : slots_) {
        if (slot == nullptr || slot->state == State::empty || slot->worthless) continue;
        if (slot->log == &log && slot->segment_base == segment.base && slot->position == position &&
            slot->generation == log.generation) {
            return slot.get();
        }
    }
    return nullptr;
}

// An empty one, else the ready one that has waited longest.
ReadAhead::Slot* ReadAhead::free_slot() noexcept {
    Slot* oldest = nullptr;
    for (auto& slot : slots_) {
        if (slot == nullptr) slot = std::make_unique<Slot>(*this, parts_);
        if (slot->state == State::empty) return slot.get();
        if (slot->state != State::ready) continue;
        if (oldest == nullptr || slot->ready_since < oldest->ready_since) oldest = slot.get();
    }
    return oldest;
}

void ReadAhead::begin(LogState& log,
                      Segment& segment,
                      std::uint64_t position,
                      std::uint64_t bytes) noexcept {
    if (parts_.context.failed || position >= segment.bytes) return;
    if (find(log, segment, position) != nullptr) return;
    auto* slot = free_slot();
    if (slot == nullptr) return;
    slot->reader.drop_buffer();
    slot->state = State::reading;
    slot->log = &log;
    slot->segment_base = segment.base;
    slot->position = position;
    slot->generation = log.generation;
    slot->worthless = false;
    ++log.jobs;
    slot->reader.start(log, segment, position, bytes, completion_of<&Slot::done>(*slot));
}

void ReadAhead::Slot::done(Result<void> outcome) noexcept {
    --log->jobs;
    state = outcome && !worthless ? State::ready : State::empty;
    ready_since = owner.parts_.context.clock.monotonic_now();
    auto* waiting = std::exchange(waiter, nullptr);
    ReadWindow window;
    if (state == State::ready && waiting != nullptr) {
        window.bytes = reader.bytes();
        window.buffer = reader.take_buffer();
        state = State::empty;
    }
    if (state == State::empty) reader.drop_buffer();
    if (waiting != nullptr) waiting->ready(*waiting, std::move(window));
}

ReadAhead::Answer ReadAhead::take(const LogState& log,
                                  const Segment& segment,
                                  std::uint64_t position,
                                  WindowWaiter& waiter,
                                  ReadWindow& window) noexcept {
    auto* slot = find(log, segment, position);
    if (slot == nullptr) return Answer::none;
    if (slot->state == State::reading) {
        if (slot->waiter != nullptr) return Answer::none;
        slot->waiter = &waiter;
        return Answer::later;
    }
    window.bytes = slot->reader.bytes();
    window.buffer = slot->reader.take_buffer();
    slot->state = State::empty;
    return Answer::now;
}

void ReadAhead::forget(const LogState& log) noexcept {
    for (const auto& slot : slots_) {
        if (slot == nullptr || slot->log != &log) continue;
        slot->worthless = true;
        if (slot->state != State::ready) continue;
        slot->state = State::empty;
        slot->reader.drop_buffer();
    }
}

void ReadAhead::drop_unused(MonotonicTime now) noexcept {
    for (const auto& slot : slots_) {
        if (slot == nullptr || slot->state != State::ready) continue;
        if (now - slot->ready_since < kUnusedMax) continue;
        slot->state = State::empty;
        slot->reader.drop_buffer();
    }
}

MonotonicTime ReadAhead::next_deadline() const noexcept {
    auto deadline = MonotonicTime::max();
    for (const auto& slot : slots_) {
        if (slot == nullptr || slot->state != State::ready) continue;
        deadline = std::min(deadline, slot->ready_since + kUnusedMax);
    }
    return deadline;
}

}  // namespace millrace::engine
