// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// "Did you mean": the known words nearest to a wrong one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

// At most three, nearest first; only those that are near at all.
[[nodiscard]] std::vector<std::string> nearest(std::string_view word,
                                               const std::vector<std::string>& known);

}  // namespace millrace::cli
