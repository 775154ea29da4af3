// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Logs whose files or folders have changed since they were last synced.
#pragma once

#include "engine/log/log_state.h"

#include <cstddef>
#include <utility>

namespace millrace::engine {

// Thread: the shard's. Linked through UnsyncedParts.
class UnsyncedLogs {
public:
    void add(LogState& log) noexcept {
        auto& parts = log.unsynced;
        if (parts.listed || !(parts.file || parts.folder || parts.parent)) return;
        parts.listed = true;
        parts.next = first_;
        first_ = &log;
        ++count_;
    }

    // The first of them; null: none.
    [[nodiscard]] LogState* take() noexcept {
        if (first_ == nullptr) return nullptr;
        auto& log = *first_;
        first_ = std::exchange(log.unsynced.next, nullptr);
        log.unsynced.listed = false;
        --count_;
        return &log;
    }

    // Nothing happens when it is not in this list.
    void forget(LogState& log) noexcept {
        if (!log.unsynced.listed) return;
        auto** link = &first_;
        while (*link != nullptr && *link != &log)
            link = &(*link)->unsynced.next;
        if (*link == nullptr) return;
        *link = std::exchange(log.unsynced.next, nullptr);
        log.unsynced.listed = false;
        --count_;
    }

    [[nodiscard]] std::size_t count() const noexcept { return count_; }

private:
    LogState* first_ = nullptr;
    std::size_t count_ = 0;
};

}  // namespace millrace::engine
