// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Delays in buckets as HdrHistogram has them for three digits: 1 ns wide below 2 us, and above that
// at most 1/1000 of their value. Thread: add() any, the rest when all is added.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace millrace::cli {

class LatencyHistogram {
public:
    void add(std::chrono::nanoseconds latency) noexcept;

    // Upper bound of the bucket in which the share (0 to 1) of all delays ends, microseconds: of 1
    // the largest. 0 when there is none.
    [[nodiscard]] double quantile_us(double share) const noexcept;

private:
    static constexpr unsigned kStepBits = 10;
    static constexpr std::size_t kBuckets = 36UL << kStepBits;  // Up to hours.

    std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
};

}  // namespace millrace::cli
