// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// compaction.bytes_per_second: what compaction may read and write, over all shards together.
#pragma once

#include "engine/clock.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace millrace::engine {

// Thread: any.
class CompactionRate {
public:
    explicit CompactionRate(std::uint64_t bytes_per_second)
            : bytes_per_second_(std::max<std::uint64_t>(bytes_per_second, 1)) {}

    // Takes the bytes: they may be moved at the returned moment. What was not used before is gone.
    [[nodiscard]] MonotonicTime take(std::uint64_t bytes, MonotonicTime now) noexcept {
        const auto seconds = static_cast<double>(bytes) / static_cast<double>(bytes_per_second_);
        const auto takes = static_cast<std::int64_t>(seconds * 1e9);
        const auto at = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
        auto free_at = free_at_.load(std::memory_order_relaxed);
        std::int64_t begin = 0;
        do {
            begin = std::max(free_at, at);
        } while (
                !free_at_.compare_exchange_weak(free_at, begin + takes, std::memory_order_relaxed));
        return std::chrono::duration_cast<MonotonicTime>(std::chrono::nanoseconds(begin));
    }

private:
    const std::uint64_t bytes_per_second_;
    std::atomic<std::int64_t> free_at_{INT64_MIN};  // Nanoseconds of the monotonic clock.
};

}  // namespace millrace::engine
