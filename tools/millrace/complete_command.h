// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// millrace __complete -- WORDS...: what the completion scripts of shells ask.
//
// Prints a line for each candidate: the word, a tab, what it means. ":files" alone on a line asks
// for names of files besides. Says nothing of what goes wrong, and takes about a second at most.
#pragma once

#include "tools/millrace/command_outline.h"
#include "tools/millrace/exit_code.h"

#include <span>
#include <string>

namespace millrace::cli {

inline constexpr const char* kCompleteWord = "__complete";

// `words`: what follows kCompleteWord.
ExitCode complete_line(const CommandOutline& root, std::span<const std::string> words);

}  // namespace millrace::cli
