// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Programs of the system that a test drives and that not every machine has.
#pragma once

#include <string>

namespace millrace::testing {

// Whether the program is there: where not, the test may skip what needs it. With CI=true a missing
// one is a failure.
[[nodiscard]] bool has_program(const std::string& program);

}  // namespace millrace::testing
