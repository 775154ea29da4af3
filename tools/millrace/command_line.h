// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// From words to an exit code.
#pragma once

#include "tools/millrace/exit_code.h"

namespace millrace::cli {

// Parses, runs the command, returns its exit code.
[[nodiscard]] ExitCode run_command_line(int argc, char** argv);

}  // namespace millrace::cli
