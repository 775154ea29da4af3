// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Records sent at a rate, as an open loop: what is due is sent, however slow the broker is, and
// every delay counts from the moment a record was due.
#pragma once

#include "millrace/client.h"
#include "millrace/producer.h"
#include "tools/millrace/latency_histogram.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace millrace::cli {

struct BenchLoadOptions {
    std::string topic;
    std::uint64_t records = 1'000'000;
    std::uint64_t size = 1024;  // Bytes of each value.
    std::uint64_t rate = 0;     // Records a second; 0: as fast as it goes.
    std::uint64_t batch_bytes = 256 * 1024UL;
    std::chrono::milliseconds linger{0};
    Compression compression = Compression::none;
    Acks acks = Acks::all;
};

// Lifecycle:   open, send; destroyed when every record has its outcome.
// Thread:      one; the counts may be read by any.
class BenchLoad {
public:
    using Instant = std::chrono::steady_clock::time_point;
    // Changes a value before it is sent.
    using Stamp = std::function<void(std::string& value, Instant due)>;

    BenchLoad() = default;
    BenchLoad(const BenchLoad&) = delete;
    BenchLoad& operator=(const BenchLoad&) = delete;

    [[nodiscard]] Result<void> open(const Client& client, const BenchLoadOptions& options);

    // Sends until all are sent, one fails or the user interrupts, then waits for what is on its
    // way. Errors: of the first record that failed.
    [[nodiscard]] Result<void> send(const Stamp& stamp = {});

    [[nodiscard]] std::uint64_t acknowledged() const noexcept {
        return acknowledged_.load(std::memory_order_relaxed);
    }

    // From due to acknowledged.
    [[nodiscard]] const LatencyHistogram& latencies() const noexcept { return latencies_; }

private:
    [[nodiscard]] Result<void> send_one(Record& record, Instant due);

    BenchLoadOptions options_;
    LatencyHistogram latencies_;
    std::atomic<std::uint64_t> acknowledged_{0};
    std::atomic<bool> failed_{false};
    Error error_;
    std::optional<Producer> producer_;  // Last: it tells the others to its end.
};

}  // namespace millrace::cli
