// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/command_outline.h"

#include <algorithm>

namespace millrace::cli {

namespace {

const OptionOutline* option_of(const CommandOutline& command, std::string_view name) {
    for (const auto& option : command.options) {
        if (std::ranges::find(option.names, name) != option.names.end()) return &option;
    }
    return nullptr;
}

}  // namespace

const CommandOutline* find_command(const CommandOutline& parent, std::string_view word) {
    for (const auto& command : parent.commands) {
        const auto& aliases = command.aliases;
        if (command.name == word || std::ranges::find(aliases, word) != aliases.end())
            return &command;
    }
    return nullptr;
}

const OptionOutline* find_option(const CommandOutline& root,
                                 const CommandOutline& command,
                                 std::string_view name) {
    const auto* option = option_of(command, name);
    return option != nullptr ? option : option_of(root, name);
}

}  // namespace millrace::cli
