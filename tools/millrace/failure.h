// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What a command could not do, when the broker had no part in it.
#pragma once

#include "tools/millrace/exit_code.h"

#include <string>

namespace millrace::cli {

struct Failure {
    ExitCode code = ExitCode::failed;
    std::string name;     // For scripts: "unknown_context". Stable.
    std::string message;  // A sentence: what failed, where, why.
    std::string hint;     // What to do, or "".
};

}  // namespace millrace::cli
