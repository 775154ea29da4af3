// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a broker promised and what it gives back: every acknowledged record is remembered with its
// partition, offset and value, and looked for by reading the topic again.
#pragma once

#include "millrace/client.h"
#include "millrace/producer.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace millrace::testing {

// Values are "<partition> <counter> <filler>", counters ascending for the history's whole life.
class AckedHistory {
public:
    AckedHistory(std::string topic, std::uint32_t partitions)
            : topic_(std::move(topic)), partitions_(partitions) {}

    // Sends records round robin until `records` are acknowledged or the limit passes, whatever
    // becomes of the broker meanwhile. `on_ack` runs on the client's thread after each ack.
    void produce(const std::string& address,
                 std::uint64_t records,
                 std::chrono::milliseconds limit,
                 const std::function<void(std::uint64_t acked)>& on_ack);

    // What is acknowledged from here on counts for nothing, until produce() is called again.
    void take_no_more_promises();

    // Reads every partition to its end. Returns what is wrong, one line each; empty: nothing.
    // Checks: each acked record stands at its offset with its value; what else is there was sent;
    // counters of a partition ascend, so that none is there twice.
    [[nodiscard]] std::vector<std::string> verify(const std::string& address);

    [[nodiscard]] std::uint64_t acked() const;

private:
    struct Sent {
        std::uint32_t partition = 0;
        std::uint64_t counter = 0;
    };

    [[nodiscard]] std::string value_of(const Sent& sent) const;
    void check_record(const RecordView& record,
                      std::map<std::uint32_t, std::uint64_t>& last_counter,
                      std::vector<std::string>& wrong) const;

    std::string topic_;
    std::uint32_t partitions_;
    std::uint64_t next_counter_ = 0;
    mutable std::mutex mutex_;
    std::map<std::uint32_t, std::map<std::int64_t, std::uint64_t>> acked_;  // offset -> counter
    std::uint64_t acked_count_ = 0;
    bool promises_count_ = true;
};

}  // namespace millrace::testing
