// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What is said beside the data: errors, summaries, progress.
#pragma once

#include <string_view>

namespace millrace::cli {

// Opens /dev/null in place of standard descriptors that are closed, so that no socket takes their
// numbers and gets what is meant for them. First of all.
void fill_standard_descriptors() noexcept;

// Writes to standard error. What it does not take is lost: a closed one changes no exit code.
void say(std::string_view text) noexcept;

}  // namespace millrace::cli
