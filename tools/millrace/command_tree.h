// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The command tree: which words there are, and what each of them calls.
#pragma once

#include "tools/millrace/command_outline.h"
#include "tools/millrace/exit_code.h"
#include "tools/millrace/session_choice.h"

#include <memory>
#include <optional>
#include <string>

namespace millrace::cli {

// What the words came to when there is nothing to run.
struct NotRun {
    ExitCode code = ExitCode::ok;  // Help or version were asked for, and printed.
    std::string usage;             // Else what is wrong with the words.
};

class CommandTree {
public:
    CommandTree();
    ~CommandTree();
    CommandTree(const CommandTree&) = delete;
    CommandTree& operator=(const CommandTree&) = delete;

    [[nodiscard]] const CommandOutline& outline() const { return outline_; }

    // Once. Nothing: run() may be called.
    [[nodiscard]] std::optional<NotRun> parse(int argc, char** argv);

    [[nodiscard]] const CommonOptions& common() const { return common_; }

    // Whether what was parsed runs although no context can be chosen.
    [[nodiscard]] bool runs_without_context() const;

    // Runs what was parsed.
    [[nodiscard]] ExitCode run(const Session& session) const;

private:
    struct Parser;  // Hides CLI11.

    std::unique_ptr<Parser> parser_;
    CommonOptions common_;
    CommandOutline outline_;
};

}  // namespace millrace::cli
