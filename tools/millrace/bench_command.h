// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace bench produce | consume: what this broker does through one client.
#pragma once

#include "millrace/types.h"
#include "tools/millrace/session.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace millrace::cli {

struct BenchProduceOptions {
    std::string topic;
    std::uint64_t records = 1'000'000;
    std::uint64_t size = 1024;  // Bytes of each value.
    std::uint64_t rate = 0;     // Records a second; 0: as fast as it goes.
    std::uint64_t batch_bytes = 256 * 1024UL;
    std::chrono::milliseconds linger{0};
    Compression compression = Compression::none;
    Acks acks = Acks::all;
};

struct BenchConsumeOptions {
    std::string topic;
    std::uint64_t records = 0;  // 0: what the topic holds now.
};

ExitCode bench_produce(const Session& session, const BenchProduceOptions& options);
ExitCode bench_consume(const Session& session, const BenchConsumeOptions& options);

}  // namespace millrace::cli
