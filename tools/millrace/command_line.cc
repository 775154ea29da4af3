// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/command_line.h"

#include "tools/millrace/command_tree.h"
#include "tools/millrace/complete_command.h"
#include "tools/millrace/manual_command.h"
#include "tools/millrace/unknown_command.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

namespace {

// Errors of words that could not be parsed are printed as the command would have printed them.
OutputFormat guessed_output(const std::vector<std::string>& words) {
    auto output = OutputFormat::table;
    for (std::size_t i = 0; i < words.size(); ++i) {
        std::string_view word = words[i];
        if ((word == "-o" || word == "--output") && i + 1 < words.size()) {
            word = words[++i];
        } else if (word.starts_with("--output=")) {
            word.remove_prefix(std::string_view("--output=").size());
        } else if (word.starts_with("-o")) {
            word.remove_prefix(2);
        } else {
            continue;
        }
        output = chosen(kOutputFormats, word).value_or(output);
    }
    return output;
}

}  // namespace

ExitCode run_command_line(int argc, char** argv) {
    const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    CommandTree tree;
    // A line that somebody is typing: nothing of it is meant for this command.
    if (!words.empty() && words[0] == kCompleteWord)
        return complete_line(tree.outline(), std::span(words).subspan(1));
    Session session;
    session.output = guessed_output(words);
    if (!words.empty() && words[0] == kManualWord)
        return print_manual(session, tree.outline(), std::span(words).subspan(1));
    if (const auto unknown = unknown_command(tree.outline(), words))
        return fail_usage(session, *unknown);
    if (const auto not_run = tree.parse(argc, argv)) {
        if (not_run->usage.empty()) return not_run->code;
        return fail_usage(session, not_run->usage + ". Help: millrace --help");
    }
    const auto chosen_session = choose_session(
            tree.common(), SessionEnvironment::of_process(), ContextStore::of_user());
    if (chosen_session) {
        session = *chosen_session;
    } else if (!tree.runs_without_context()) {
        return fail(session, chosen_session.error());
    }
    return tree.run(session);
}

}  // namespace millrace::cli
