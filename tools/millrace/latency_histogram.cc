// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/latency_histogram.h"

#include <algorithm>
#include <bit>

namespace millrace::cli {

namespace {

// Values up to 2^(bits+1) have buckets of their own; above, each doubling has 2^bits of them.
std::size_t bucket_of(std::uint64_t value, unsigned bits) {
    const auto width = static_cast<unsigned>(std::bit_width(value));
    if (width <= bits + 1) return value;
    const auto shift = width - bits - 1;
    return (static_cast<std::size_t>(shift) << bits) + (value >> shift);
}

std::uint64_t upper_bound_of(std::size_t bucket, unsigned bits) {
    if (bucket < 2UL << bits) return bucket;
    const auto shift = (bucket >> bits) - 1;
    const auto mantissa = bucket - (shift << bits);
    return ((mantissa + 1) << shift) - 1;
}

}  // namespace

void LatencyHistogram::add(std::chrono::nanoseconds latency) noexcept {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0));
    const auto bucket = std::min(bucket_of(value, kStepBits), kBuckets - 1);
    buckets_.at(bucket).fetch_add(1, std::memory_order_relaxed);
}

double LatencyHistogram::quantile_us(double share) const noexcept {
    std::uint64_t total = 0;
    for (const auto& bucket : buckets_)
        total += bucket.load(std::memory_order_relaxed);
    if (total == 0) return 0;
    const auto wanted =
            std::min(static_cast<std::uint64_t>(share * static_cast<double>(total)), total - 1);
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
        seen += buckets_.at(bucket).load(std::memory_order_relaxed);
        if (seen > wanted) return static_cast<double>(upper_bound_of(bucket, kStepBits)) / 1000;
    }
    return 0;
}

}  // namespace millrace::cli
