// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace topic truncate | expire
#pragma once

#include "tools/millrace/session.h"

#include <cstdint>
#include <string>

namespace millrace::cli {

struct TopicTruncateOptions {
    std::string topic;
    std::uint32_t partition = 0;
    std::int64_t before = 0;  // First offset that stays, or kAllRecords.
    bool yes = false;
};

ExitCode truncate_topic(const Session& session, const TopicTruncateOptions& options);
ExitCode expire_topic(const Session& session, const std::string& topic);

}  // namespace millrace::cli
