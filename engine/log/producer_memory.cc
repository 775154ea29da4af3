// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/producer_memory.h"

#include "engine/assert.h"

namespace millrace::engine {

namespace {

// Of an empty table.
constexpr std::uint64_t kTableBytes = sizeof(ProducerTable);

}  // namespace

void ProducerMemory::use(LogState& log) noexcept {
    ASSERT(log.producers.table != nullptr);
    if (newest_ == &log) return;
    const bool is_new = log.producers.memory_counted == 0;
    if (!is_new) unlink(log);
    link(log);
    if (is_new) note_growth(log);
}

void ProducerMemory::note_growth(LogState& log) noexcept {
    const auto bytes = log.producers.table->memory_bytes() + kTableBytes;
    if (bytes == log.producers.memory_counted) return;
    bytes_ += bytes - log.producers.memory_counted;
    log.producers.memory_counted = bytes;
    for (auto* oldest = oldest_; oldest != nullptr && bytes_ > bytes_max_;) {
        auto* next = oldest->producers.newer;
        if (oldest != &log && oldest->producers.pins == 0) drop(*oldest);
        oldest = next;
    }
}

void ProducerMemory::drop(LogState& log) noexcept {
    auto& producers = log.producers;
    if (producers.table == nullptr) return;
    unlink(log);
    bytes_ -= producers.memory_counted;
    producers.memory_counted = 0;
    producers.table.reset();
}

void ProducerMemory::link(LogState& log) noexcept {
    log.producers.older = newest_;
    log.producers.newer = nullptr;
    (newest_ == nullptr ? oldest_ : newest_->producers.newer) = &log;
    newest_ = &log;
}

void ProducerMemory::unlink(LogState& log) noexcept {
    auto* older = log.producers.older;
    auto* newer = log.producers.newer;
    (older == nullptr ? oldest_ : older->producers.newer) = newer;
    (newer == nullptr ? newest_ : newer->producers.older) = older;
}

}  // namespace millrace::engine
