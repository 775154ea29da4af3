// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/log_context.h"

#include <cerrno>
#include <utility>

namespace millrace::engine {

bool is_full(std::int64_t result) noexcept {
    return result == -ENOSPC || result == -EDQUOT;
}

void LogContext::defer(Deferred& deferred) noexcept {
    if (std::exchange(deferred.queued, true)) return;
    (deferred_last == nullptr ? deferred_first : deferred_last->next) = &deferred;
    deferred_last = &deferred;
}

void LogContext::run_deferred() noexcept {
    // What these defer in turn waits for the next time.
    auto* deferred = std::exchange(deferred_first, nullptr);
    deferred_last = nullptr;
    while (deferred != nullptr) {
        auto* next = std::exchange(deferred->next, nullptr);
        deferred->queued = false;
        deferred->run(*deferred);
        deferred = next;
    }
}

}  // namespace millrace::engine
