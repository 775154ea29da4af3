// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// How often values of which size occurred: buckets whose bounds double, and the sum. Counting is a
// few instructions without branches that miss; what it is for is read with the other counters.
//
// Thread:      one; copies may go anywhere.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace millrace::engine {

template <std::uint64_t kUnit, std::size_t kBounds>
class Histogram {
public:
    static constexpr std::size_t kBuckets = kBounds + 1;  // The last one has no bound.

    // The largest value that bucket `index` counts. Requires: index < kBounds.
    [[nodiscard]] static constexpr std::uint64_t bound(std::size_t index) noexcept {
        return kUnit << index;
    }

    void record(std::uint64_t value) noexcept {
        const auto units = value / kUnit + (value % kUnit == 0 ? 0 : 1);
        const auto index = static_cast<std::size_t>(units <= 1 ? 0 : std::bit_width(units - 1));
        ++counts_[std::min(index, kBounds)];
        sum_ += value;
    }

    void add(const Histogram& other) noexcept {
        for (std::size_t index = 0; index < kBuckets; ++index)
            counts_[index] += other.counts_[index];
        sum_ += other.sum_;
    }

    // Of one bucket alone, not of those below it.
    [[nodiscard]] std::uint64_t count_in(std::size_t index) const noexcept {
        return counts_[index];
    }

    [[nodiscard]] std::uint64_t count() const noexcept {
        std::uint64_t total = 0;
        for (const auto count : counts_)
            total += count;
        return total;
    }

    [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }

private:
    std::array<std::uint64_t, kBuckets> counts_{};
    std::uint64_t sum_ = 0;
};

// 1 us to 33 s.
class DurationHistogram : public Histogram<1000, 26> {
public:
    void record(std::chrono::nanoseconds duration) noexcept {
        Histogram::record(static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)));
    }
};

// 512 B to 64 MiB.
using SizeHistogram = Histogram<512, 18>;

}  // namespace millrace::engine
