// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A small engine over a simulated disk, and what a test knows was acknowledged.
#pragma once

#include "engine/units.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sim_engine_host.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace millrace::testing {

inline constexpr std::uint32_t kPartitions = 6;

// Partition 0 to 5 of topic `topic`.
[[nodiscard]] engine::PartitionKey key_of(std::uint32_t partition, std::uint8_t topic = 1);

// One batch with one record of that value.
[[nodiscard]] std::vector<std::byte> batch_of(const std::string& value);

// An append that is asked about later.
struct TrackedAppend {
    engine::AppendOp op;
    bool done = false;
};

class SimEngineFixture : public ::testing::Test {
protected:
    SimEngineFixture();

    // Recovers, starts and opens all partitions.
    [[nodiscard]] engine::Result<void> start(std::uint32_t shards);
    void open_all();
    [[nodiscard]] engine::Log& log(std::uint32_t partition);

    // Appends a record and waits for its ack, and for room before.
    void append(std::uint32_t partition, std::size_t bytes = 100);
    // Without waiting for anything.
    [[nodiscard]] engine::Result<void> begin_append(TrackedAppend& append,
                                                    std::uint32_t partition,
                                                    const std::string& value);
    void append_everywhere(int times, std::size_t bytes = 100);

    // Every record that was acknowledged is there, in order, and nothing else.
    void check_all();
    [[nodiscard]] std::vector<std::string> read_all(std::uint32_t partition);

    void clean_stop();
    // Power goes; `survive_all`: the process is killed instead.
    void crash(bool survive_all = false);

    [[nodiscard]] std::uint64_t sum(std::uint64_t engine::ShardCounters::*counter);

    [[nodiscard]] std::string events() const { return host_ ? host_->events() : events_; }

    SimDisk disk_;
    FakeClock clock_;
    engine::Arena arena_{512 * engine::kMiB};
    SimEngineOptions options_;
    engine::LogConfig config_;
    std::unique_ptr<SimEngineHost> host_;
    std::string events_;  // Of the host before.
    std::vector<std::vector<std::string>> acked_{kPartitions};
    std::uint64_t number_ = 0;
};

}  // namespace millrace::testing
