// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/config/command_line.h"

#include "broker/config/config_keys.h"
#include "broker/config/nearest.h"

#include <algorithm>

namespace millrace::broker {

namespace {

struct Flag {
    std::string_view name;
    std::string_view argument;  // Empty: takes none.
    std::string_view sentence;
    void (*apply)(CommandLine& line, std::string_view value);
};

constexpr Flag kFlags[] = {
        {"--config",
         "FILE",
         "Read settings from this TOML file.",
         [](CommandLine& line, std::string_view value) { line.config = value; }},
        {"--data-dir",
         "DIR",
         "Keep the data here (node.data_dir).",
         [](CommandLine& line, std::string_view value) { line.data_directory = value; }},
        {"--set",
         "SECTION.KEY=VALUE",
         "Change one setting; may be repeated.",
         [](CommandLine& line, std::string_view value) { line.assignments.emplace_back(value); }},
        {"--ready-file",
         "FILE",
         "Write this file when everything is up.",
         [](CommandLine& line, std::string_view value) { line.ready_file = value; }},
        {"--check",
         "",
         "Check the settings and exit; no data are touched.",
         [](CommandLine& line, std::string_view) { line.action = CommandLine::Action::check; }},
        {"--accept-wal-loss",
         "",
         "Start although the write-ahead log is damaged; what is lost is listed.",
         [](CommandLine& line, std::string_view) { line.accept_wal_loss = true; }},
        {"--version",
         "",
         "Print the version and exit.",
         [](CommandLine& line, std::string_view) { line.action = CommandLine::Action::version; }},
        {"--help",
         "",
         "Print this and exit.",
         [](CommandLine& line, std::string_view) { line.action = CommandLine::Action::help; }},
};

std::string unknown_argument(std::string_view argument) {
    std::string text = "unknown argument " + std::string(argument);
    std::vector<std::string_view> names;
    for (const auto& flag : kFlags)
        names.push_back(flag.name);
    if (const auto meant = nearest(argument, names); !meant.empty()) {
        text += "; the nearest one is " + std::string(meant);
    }
    return text;
}

std::string padded_to(std::string text, std::size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text;
}

}  // namespace

std::expected<CommandLine, std::string> parse_command_line(std::span<const char* const> arguments) {
    CommandLine line;
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        std::string_view argument(arguments[at]);
        if (argument == "-h") argument = "--help";
        if (argument == "-V") argument = "--version";
        const auto equals = argument.find('=');
        const auto name = argument.substr(0, equals);
        const auto* flag = std::find_if(std::begin(kFlags),
                                        std::end(kFlags),
                                        [&](const Flag& known) { return known.name == name; });
        if (flag == std::end(kFlags)) return std::unexpected(unknown_argument(name));
        std::string_view value;
        if (flag->argument.empty()) {
            if (equals != std::string_view::npos) {
                return std::unexpected(std::string(name) + " takes no value");
            }
        } else if (equals != std::string_view::npos) {
            value = argument.substr(equals + 1);
        } else if (at + 1 < arguments.size()) {
            value = arguments[++at];
        }
        if (!flag->argument.empty() && value.empty()) {
            return std::unexpected(std::string(name) + " needs a value: " + std::string(name) +
                                   " " + std::string(flag->argument));
        }
        flag->apply(line, value);
    }
    return line;
}

std::string help_text() {
    std::string text =
            "millraced: the Millrace broker. Without arguments it listens on 127.0.0.1:9192 and\n"
            "keeps its data below ~/.local/state/millrace.\n\n"
            "Usage: millraced [OPTION]...\n\n";
    for (const auto& flag : kFlags) {
        auto left = "  " + std::string(flag.name);
        if (!flag.argument.empty()) left += " " + std::string(flag.argument);
        text += padded_to(std::move(left), 28) + " " + std::string(flag.sentence) + "\n";
    }
    text += "\nSettings, weakest first: built-in, --config, environment "
            "(MILLRACE__NODE__SHARDS=2),\n"
            "--set (--set node.shards=2). VALUE is TOML; a bare word is a string.\n\n";
    for (const auto& key : config_keys()) {
        std::string name(key.name);
        if (const auto star = name.find('*'); star != std::string::npos)
            name.replace(star, 1, "NAME");
        const auto value = key.default_value.empty() ? key.default_phrase : key.default_value;
        text += "  " + name + " (" + std::string(value) + ")\n      " + std::string(key.sentence) +
                "\n";
    }
    text += "\nExit status: 0 stopped, 2 wrong settings or data directory, 74 input/output "
            "failed.\n";
    return text;
}

}  // namespace millrace::broker
