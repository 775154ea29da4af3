// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A wrong word where a command is expected, found before anything else is parsed.
#pragma once

#include "tools/millrace/command_outline.h"

#include <optional>
#include <span>
#include <string>

namespace millrace::cli {

// The sentence for the first unknown command word, with the nearest known ones. `words`: what
// follows the program's name.
[[nodiscard]] std::optional<std::string> unknown_command(const CommandOutline& root,
                                                         std::span<const std::string> words);

}  // namespace millrace::cli
