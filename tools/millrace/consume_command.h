// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace consume: records of topics as lines, JSON, or in a format of one's own.
#pragma once

#include "millrace/types.h"
#include "tools/millrace/record_filter.h"
#include "tools/millrace/record_format.h"
#include "tools/millrace/session.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::cli {

struct ConsumeOptions {
    std::vector<std::string> topics;
    Position from;
    std::optional<std::uint32_t> partition;
    std::optional<std::uint64_t> count;
    bool stop_at_end = false;
    std::shared_ptr<const RecordFilter> filter;  // Null: every record.
    RecordFormat format;
};

ExitCode consume(const Session& session, const ConsumeOptions& options);

}  // namespace millrace::cli
