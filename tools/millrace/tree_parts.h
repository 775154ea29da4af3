// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What the command tree is put together from. The only header that includes CLI11, which takes
// seconds to compile: only the files that build the tree include this one.
#pragma once

#include "tools/millrace/choices.h"
#include "tools/millrace/command_outline.h"
#include "tools/millrace/session.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::cli {

// What CLI11 does not keep about an option.
struct OptionNotes {
    ValueKind kind = ValueKind::free;
    std::vector<std::string> choices;
    std::string environment;
};

// What is being parsed. The tree refers to it.
struct Invocation {
    std::function<ExitCode(const Session&)> run;  // The command that was found.
    bool without_context = false;                 // It runs although none can be chosen.
    std::map<const CLI::Option*, OptionNotes> notes;
};

// Options live as long as the command tree that refers to them.
template <class Options>
std::shared_ptr<Options> options_of(CLI::App* command,
                                    Invocation& invocation,
                                    ExitCode (*run)(const Session&, const Options&)) {
    auto options = std::make_shared<Options>();
    command->callback([&invocation, options, run] {
        invocation.run = [options, run](const Session& session) { return run(session, *options); };
    });
    return options;
}

// A command without options of its own.
inline CLI::App* add_plain(CLI::App* parent,
                           Invocation& invocation,
                           const std::string& name,
                           const std::string& help,
                           ExitCode (*run)(const Session&)) {
    return parent->add_subcommand(name, help)->callback([&invocation, run] {
        invocation.run = run;
    });
}

// `value` is what the help calls it.
template <class Value>
CLI::Option* add_value(CLI::App* command,
                       const std::string& names,
                       const std::string& value,
                       Value& to,
                       const std::string& help) {
    return command->add_option(names, to, help)->type_name(value);
}

template <class Value>
CLI::Option* add_positional(CLI::App* command,
                            Invocation& invocation,
                            const std::string& name,
                            ValueKind kind,
                            Value& to,
                            const std::string& help) {
    auto* option = command->add_option(name, to, help)->type_name("");
    invocation.notes[option].kind = kind;
    return option;
}

template <class Value>
CLI::Option* add_topic_name(CLI::App* command,
                            Invocation& invocation,
                            Value& to,
                            const std::string& help) {
    return add_positional(command, invocation, "TOPIC", ValueKind::topic, to, help);
}

// An option whose text is parsed by `parse`; a text it does not take, since it is not `form`, is
// a usage error.
template <class Value, class Parse>
CLI::Option* add_parsed(CLI::App* command,
                        const std::string& names,
                        const std::string& value,
                        Value& to,
                        Parse parse,
                        const std::string& form,
                        const std::string& help) {
    CLI::callback_t take = [&to, parse, names, form](const CLI::results_t& texts) {
        const auto parsed = parse(texts.front());
        if (!parsed) {
            throw CLI::ValidationError(names, fmt::format("'{}' is not {}", texts.front(), form));
        }
        to = *parsed;
        return true;
    };
    return command->add_option(names, std::move(take), help)->type_name(value);
}

// One of a few words. The help, "" or "Its codec: ", is completed with them.
template <class Value, class To>
CLI::Option* add_choice(CLI::App* command,
                        Invocation& invocation,
                        const std::string& names,
                        const std::string& value,
                        To& to,
                        const Choices<Value>& choices,
                        const std::string& help = {}) {
    const auto form = listed_or(names_of(choices));
    auto* option = add_parsed(
            command,
            names,
            value,
            to,
            [&choices](const std::string& word) { return chosen(choices, word); },
            form,
            help + form);
    invocation.notes[option] = {ValueKind::choice, names_of(choices), {}};
    return option;
}

// May be repeated, with one value each time.
inline CLI::Option* add_list(CLI::App* command,
                             const std::string& names,
                             const std::string& value,
                             std::vector<std::string>& to,
                             const std::string& help) {
    return command->add_option(names, to, help)
            ->type_size(1)
            ->allow_extra_args(false)
            ->type_name(value);
}

}  // namespace millrace::cli
