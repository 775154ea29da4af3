// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace config get | set
#pragma once

#include "tools/millrace/session.h"

#include <string>
#include <vector>

namespace millrace::cli {

struct ConfigGetOptions {
    std::string topic;  // Empty: the broker's own settings.
    std::vector<std::string> keys;
};

struct ConfigSetOptions {
    std::string topic;
    std::vector<std::string> settings;  // KEY=VALUE
    std::vector<std::string> unset;
};

ExitCode get_config(const Session& session, const ConfigGetOptions& options);
ExitCode set_config(const Session& session, const ConfigSetOptions& options);

// Where a value comes from, in a word or two.
[[nodiscard]] std::string source_text(ConfigSource source);

}  // namespace millrace::cli
