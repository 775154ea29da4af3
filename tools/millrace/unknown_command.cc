// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/unknown_command.h"

#include "tools/millrace/suggestion.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

namespace millrace::cli {

namespace {

// How many of the following words belong to an option.
int values_of(const CLI::App& app, const CLI::App& root, std::string_view word) {
    const auto name = std::string(word.substr(0, word.find('=')));
    if (name.size() != word.size()) return 0;
    const auto* option = app.get_option_no_throw(name);
    if (option == nullptr) option = root.get_option_no_throw(name);
    return option == nullptr ? 0 : option->get_items_expected_min();
}

std::vector<std::string> names_of(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(command->get_name());
        for (const auto& alias : command->get_aliases())
            names.push_back(alias);
    }
    return names;
}

CLI::App* command_of(CLI::App& app, const std::string& word) {
    for (auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        if (command->check_name(word)) return command;
    }
    return nullptr;
}

std::string listed(const std::vector<std::string>& words) {
    std::string list;
    for (const auto& word : words)
        list += (list.empty() ? "" : ", ") + word;
    return list;
}

}  // namespace

std::optional<std::string> unknown_command(CLI::App& root, int argc, char** argv) {
    CLI::App* app = &root;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word.starts_with('-')) {
            i += values_of(*app, root, word);
            continue;
        }
        if (names_of(*app).empty()) return std::nullopt;
        auto* next = command_of(*app, std::string(word));
        if (next != nullptr) {
            app = next;
            continue;
        }
        auto sentence = fmt::format("There is no command '{}'.", word);
        const auto near = nearest(word, names_of(*app));
        if (!near.empty()) {
            sentence += " Did you mean " + listed(near) + "?";
        } else {
            sentence += " There are " + listed(names_of(*app)) + ".";
        }
        return sentence;
    }
    return std::nullopt;
}

}  // namespace millrace::cli
