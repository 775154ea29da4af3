// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tests/support/needed_program.h"

#include "tests/support/child_process.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

namespace millrace::testing {

bool has_program(const std::string& program) {
    if (run_command({"sh", "-c", "command -v " + program}).status == 0) return true;
    const char* ci = std::getenv("CI");
    if (ci != nullptr && std::string_view(ci) == "true")
        ADD_FAILURE() << "with CI=true this has to run: there is no " << program;
    return false;
}

}  // namespace millrace::testing
