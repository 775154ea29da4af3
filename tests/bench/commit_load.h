// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Durable 1 KB batches, one record each, from one client over many partitions: closed loop or at
// a rate.
#pragma once

#include "tests/bench/broker.h"

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::bench {

inline constexpr std::uint32_t kCommitPartitions = 256;
inline constexpr std::uint32_t kCommitOutstanding = 1024;
inline constexpr std::size_t kCommitRecordBytes = 950;  // 1 KB as a batch.

struct CommitRun {
    double batches_per_second = 0;
    Latency latency;  // From the moment a batch was due to its acknowledgement.
    std::uint64_t batches = 0;
    double batches_per_request = 0;
    std::string counts;  // What the broker's shards did; closed loop only.
};

// Closed loop: kCommitOutstanding batches always outstanding. Topic "commit" must exist.
CommitRun run_closed_loop(BenchBroker& broker, double seconds, std::uint64_t batches_min);

// Open loop: a batch every 1/rate seconds, whatever the broker does.
CommitRun run_open_loop(BenchBroker& broker, double seconds, double rate);

// Reads the topic back: every partition's offsets without a gap, every value its own.
void verify_commits(BenchBroker& broker, std::uint64_t batches);

}  // namespace millrace::bench
