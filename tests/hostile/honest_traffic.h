// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A producer and a consumer that mean well: records at a steady rate, each timed from the moment it
// was due to be sent to the moment it was read.
//
// Thread:      one for the calls; two of its own.
#pragma once

#include "millrace/client.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace millrace::testing {

struct Latencies {
    std::uint64_t count = 0;
    std::chrono::nanoseconds median{0};
    std::chrono::nanoseconds p99{0};
    std::chrono::nanoseconds maximum{0};
};

class HonestTraffic {
public:
    // To a topic that exists, with that many partitions.
    HonestTraffic(const std::string& address,
                  const std::string& topic,
                  std::uint32_t partitions,
                  std::uint32_t records_per_second);
    ~HonestTraffic();
    HonestTraffic(const HonestTraffic&) = delete;
    HonestTraffic& operator=(const HonestTraffic&) = delete;

    // Of the records read since the call before.
    [[nodiscard]] Latencies take_latencies();

    // Sends no more, waits until all that was acknowledged was read. Returns how many records were
    // acknowledged and not read.
    [[nodiscard]] std::uint64_t finish();

    [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_.load(); }

    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.load(); }

private:
    // Requires: the mutex is held, or nobody else runs.
    [[nodiscard]] std::uint64_t missing() const;
    void produce();
    void consume();

    const std::string topic_;
    const std::uint32_t partitions_;
    const std::chrono::nanoseconds interval_;
    Client client_;
    std::atomic<bool> sending_{true};
    std::atomic<bool> reading_{true};
    std::atomic<std::uint64_t> acknowledged_{0};
    std::atomic<std::uint64_t> refused_{0};
    std::mutex mutex_;
    std::condition_variable read_some_;
    std::vector<std::chrono::nanoseconds> latencies_;
    std::vector<bool> acked_;  // By the record's number.
    std::vector<bool> read_;
    std::thread producer_;
    std::thread consumer_;
};

}  // namespace millrace::testing
