// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The command tree as plain data: what "did you mean", completion and the manual walk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

// What may stand where a value is expected.
enum class ValueKind : std::uint8_t { free, choice, topic, context, file };

struct OptionOutline {
    std::vector<std::string> names;  // "-p", "--partition"; a positional has none.
    std::string value;               // "N", "TOPIC". Empty: it is a flag and takes none.
    std::string help;
    std::string default_value;
    std::string environment;  // The variable that stands in for it, if one does.
    ValueKind kind = ValueKind::free;
    std::vector<std::string> choices;   // All there are when `kind` is choice, else some.
    std::vector<std::string> excludes;  // First names of those it cannot stand beside.
    bool required = false;
    bool repeated = false;
};

struct CommandOutline {
    std::string name;
    std::vector<std::string> aliases;
    std::string help;
    std::string footer;
    std::vector<OptionOutline> options;
    std::vector<OptionOutline> positionals;
    std::vector<CommandOutline> commands;
};

// Null when there is none of this name or alias.
[[nodiscard]] const CommandOutline* find_command(const CommandOutline& parent,
                                                 std::string_view word);

// "-p" or "--partition", of the command or else of the root, whose options every command takes.
[[nodiscard]] const OptionOutline* find_option(const CommandOutline& root,
                                               const CommandOutline& command,
                                               std::string_view name);

}  // namespace millrace::cli
