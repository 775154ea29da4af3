// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace topic verify
#pragma once

#include "tools/millrace/session.h"

#include <cstdint>
#include <optional>
#include <string>

namespace millrace::cli {

struct TopicVerifyOptions {
    std::string topic;
    std::optional<std::uint32_t> partition;  // None: all.
};

// Exit code 0: all is sound; 1: something is damaged.
ExitCode verify_topic(const Session& session, const TopicVerifyOptions& options);

}  // namespace millrace::cli
