// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a benchmark prints: rates and delays, and beside each of them what an acknowledgement meant.
#pragma once

#include "millrace/admin.h"
#include "millrace/types.h"
#include "tools/millrace/latency_histogram.h"
#include "tools/millrace/session.h"

#include <cstdint>
#include <string>

namespace millrace::cli {

struct BenchFigures {
    std::string what;  // "produced"
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    double seconds = 0;
    std::string durability;                       // durability_of().
    const LatencyHistogram* latencies = nullptr;  // Null: there are none.
    std::string latency_of;                       // "from due to acknowledged"
};

// The topic's class as the broker tells it; "none" when nothing is acknowledged.
[[nodiscard]] Result<std::string> durability_of(Admin& admin,
                                                const std::string& topic,
                                                Acks acks = Acks::all);

// Lines, or for scripts one JSON object with the delays in microseconds.
[[nodiscard]] std::string bench_report(const Session& session, const BenchFigures& figures);

}  // namespace millrace::cli
