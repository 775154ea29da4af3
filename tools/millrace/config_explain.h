// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace config explain: all there is to know about one setting.
#pragma once

#include "tools/millrace/session.h"

#include <string>

namespace millrace::cli {

struct ConfigExplainOptions {
    std::string key;
    std::string topic;  // Whose value to show; empty: of a topic's setting only what all share.
};

ExitCode explain_config(const Session& session, const ConfigExplainOptions& options);

}  // namespace millrace::cli
