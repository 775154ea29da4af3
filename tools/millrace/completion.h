// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What may come next on an unfinished line, out of the command tree.
#pragma once

#include "tools/millrace/command_outline.h"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

struct Candidate {
    std::string word;  // The whole word, with what was typed of it.
    std::string help;
};

struct Completion {
    std::vector<Candidate> candidates;

    // What else may stand there and the tree does not know: topics, contexts, files. Their names
    // go behind `before`, which is "" or as "--context=", and begin with `begun`.
    ValueKind kind = ValueKind::free;
    std::string before;
    std::string begun;
    std::vector<std::string> taken;  // Names that the line has already.

    // Values of options that were given earlier on the line, by the option's first long name.
    std::map<std::string, std::string, std::less<>> given;
};

// `words`: what follows the program's name; the last one, maybe empty, is being typed.
[[nodiscard]] Completion complete(const CommandOutline& root, std::span<const std::string> words);

// Adds those names that fit.
void add_names(Completion& completion, const std::vector<Candidate>& names);

}  // namespace millrace::cli
