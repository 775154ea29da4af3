// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace topic compact
#pragma once

#include "tools/millrace/session.h"

#include <string>

namespace millrace::cli {

struct TopicCompactOptions {
    std::string topic;
    bool wait = false;
};

ExitCode compact_topic(const Session& session, const TopicCompactOptions& options);

}  // namespace millrace::cli
