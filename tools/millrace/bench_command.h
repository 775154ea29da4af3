// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace bench produce | consume | e2e: what this broker does through one client.
#pragma once

#include "tools/millrace/bench_load.h"
#include "tools/millrace/session.h"

#include <cstdint>
#include <string>

namespace millrace::cli {

struct BenchConsumeOptions {
    std::string topic;
    std::uint64_t records = 0;  // 0: what the topic holds now.
};

ExitCode bench_produce(const Session& session, const BenchLoadOptions& options);
ExitCode bench_consume(const Session& session, const BenchConsumeOptions& options);

// One client produces at a rate and another one waits for each record. Requires: options.rate > 0.
ExitCode bench_end_to_end(const Session& session, const BenchLoadOptions& options);

}  // namespace millrace::cli
