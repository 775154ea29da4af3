// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace consume: records of a topic as lines, JSON, or in a format of one's own.
#pragma once

#include "millrace/types.h"
#include "tools/millrace/context.h"
#include "tools/millrace/record_format.h"

#include <cstdint>
#include <optional>
#include <string>

namespace millrace::cli {

struct ConsumeOptions {
    std::string topic;
    Position from;
    std::optional<std::uint32_t> partition;
    std::optional<std::uint64_t> count;
    bool stop_at_end = false;
    RecordFormat format;
};

ExitCode consume(const Context& context, const ConsumeOptions& options);

}  // namespace millrace::cli
