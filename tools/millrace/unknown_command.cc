// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/unknown_command.h"

#include "tools/millrace/suggestion.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

namespace millrace::cli {

namespace {

std::vector<std::string> names_of(const CommandOutline& parent) {
    std::vector<std::string> names;
    for (const auto& command : parent.commands) {
        names.push_back(command.name);
        names.insert(names.end(), command.aliases.begin(), command.aliases.end());
    }
    return names;
}

}  // namespace

std::optional<std::string> unknown_command(const CommandOutline& root,
                                           std::span<const std::string> words) {
    const auto* command = &root;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string_view word = words[i];
        if (word.starts_with('-')) {
            const auto* option = find_option(root, *command, word);
            if (option != nullptr && !option->value.empty()) ++i;
            continue;
        }
        if (command->commands.empty()) return std::nullopt;
        const auto* next = find_command(*command, word);
        if (next != nullptr) {
            command = next;
            continue;
        }
        const auto known = names_of(*command);
        const auto near = nearest(word, known);
        if (!near.empty()) {
            return fmt::format(
                    "There is no command '{}'. Did you mean {}?", word, fmt::join(near, ", "));
        }
        return fmt::format("There is no command '{}'. There are {}.", word, fmt::join(known, ", "));
    }
    return std::nullopt;
}

}  // namespace millrace::cli
