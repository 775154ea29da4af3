// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/runtime/mailbox.h"

#include "engine/assert.h"

#include <utility>

namespace millrace::broker {

void Mailbox::open(uv_loop_t& loop) {
    const int failed = uv_async_init(
            &loop, &wake_, [](uv_async_t* wake) { static_cast<Mailbox*>(wake->data)->run(); });
    ASSERT(failed == 0);
    wake_.data = this;
}

void Mailbox::close() noexcept {
    closed_.store(true, std::memory_order_release);
    uv_close(reinterpret_cast<uv_handle_t*>(&wake_), nullptr);
}

void Mailbox::post(engine::PostedTask& task) noexcept {
    auto* before = last_posted_.load(std::memory_order_relaxed);
    do {
        task.next = before;
    } while (!last_posted_.compare_exchange_weak(before, &task, std::memory_order_acq_rel));
    // Whoever posts to an empty mailbox wakes; the others know that somebody has.
    if (before == nullptr && !closed_.load(std::memory_order_acquire)) uv_async_send(&wake_);
}

std::size_t Mailbox::run() noexcept {
    auto* task = last_posted_.exchange(nullptr, std::memory_order_acq_rel);
    engine::PostedTask* first = nullptr;
    while (task != nullptr) {
        auto* before = task->next;
        task->next = first;
        first = std::exchange(task, before);
    }
    std::size_t count = 0;
    while (first != nullptr) {
        auto* next = std::exchange(first->next, nullptr);
        first->run(*first);
        first = next;
        ++count;
    }
    return count;
}

}  // namespace millrace::broker
