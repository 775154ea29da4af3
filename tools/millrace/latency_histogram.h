// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Latencies in buckets of at most 1/64 of their value. Thread: add() any, the rest when all is
// added.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace millrace::cli {

class LatencyHistogram {
public:
    void add(std::chrono::nanoseconds latency) noexcept;

    // Upper bound of the bucket in which the share (0 to 1) of all latencies ends, microseconds.
    [[nodiscard]] double quantile_us(double share) const noexcept;

private:
    static constexpr unsigned kStepBits = 6;
    static constexpr std::size_t kBuckets = 40UL << kStepBits;

    std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
};

}  // namespace millrace::cli
