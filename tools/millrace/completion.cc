// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/completion.h"

#include <algorithm>

namespace millrace::cli {

namespace {

bool takes_value(const OptionOutline& option) {
    return !option.value.empty();
}

bool has_name(const OptionOutline& option, std::string_view name) {
    return std::ranges::find(option.names, name) != option.names.end();
}

bool is_long(std::string_view word) {
    return word.starts_with("--");
}

// The name by which an option is offered to who has typed `begun`: long where there is a long
// one, and only one of several that fit.
std::string offered_name(const OptionOutline& option, std::string_view begun) {
    if (!is_long(begun) && has_name(option, begun)) return std::string(begun);
    for (const auto& name : option.names) {
        if (is_long(name) && name.starts_with(begun)) return name;
    }
    const bool only_short = std::ranges::none_of(option.names, is_long);
    return only_short && option.names[0].starts_with(begun) ? option.names[0] : std::string();
}

// The line up to the word that is being typed.
class Line {
public:
    explicit Line(const CommandOutline& root) : root_(root), command_(&root) {}

    void take(const std::string& word);
    [[nodiscard]] Completion complete(const std::string& word) const;

private:
    void take_long(const std::string& word);
    void take_short(const std::string& word);
    void take_positional(const std::string& word);
    void give(const OptionOutline& option, std::string value);

    [[nodiscard]] const OptionOutline* next_positional() const;
    [[nodiscard]] bool offers(const OptionOutline& option) const;
    void add_option_words(Completion& completion, std::string_view begun) const;
    void add_command_words(Completion& completion, std::string_view begun) const;
    bool add_inline_value(Completion& completion, const std::string& word) const;
    void add_values(Completion& completion,
                    const OptionOutline& option,
                    std::string before,
                    std::string begun) const;

    const CommandOutline& root_;
    const CommandOutline* command_;            // Null: there is no such command.
    const OptionOutline* awaiting_ = nullptr;  // Its value is the next word.
    bool no_more_options_ = false;             // "--" has come.
    std::vector<const OptionOutline*> seen_;
    std::vector<std::string> positionals_;
    std::map<std::string, std::string, std::less<>> given_;
};

void Line::take(const std::string& word) {
    if (command_ == nullptr) return;
    if (awaiting_ != nullptr) {
        give(*awaiting_, word);
        awaiting_ = nullptr;
    } else if (no_more_options_ || word == "-" || !word.starts_with('-')) {
        take_positional(word);
    } else if (word == "--") {
        no_more_options_ = true;
    } else if (is_long(word)) {
        take_long(word);
    } else {
        take_short(word);
    }
}

void Line::take_long(const std::string& word) {
    const auto equals = word.find('=');
    const auto* option = find_option(root_, *command_, word.substr(0, equals));
    if (option == nullptr) return;
    seen_.push_back(option);
    if (!takes_value(*option)) return;
    if (equals == std::string::npos) {
        awaiting_ = option;
    } else {
        give(*option, word.substr(equals + 1));
    }
}

// Flags in a row; the first that takes a value takes the rest.
void Line::take_short(const std::string& word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
        const auto* option = find_option(root_, *command_, std::string{'-', word[i]});
        if (option == nullptr) return;
        seen_.push_back(option);
        if (!takes_value(*option)) continue;
        if (i + 1 == word.size()) {
            awaiting_ = option;
        } else {
            give(*option, word.substr(i + 1));
        }
        return;
    }
}

void Line::take_positional(const std::string& word) {
    if (command_->commands.empty()) {
        positionals_.push_back(word);
    } else {
        command_ = find_command(*command_, word);
    }
}

void Line::give(const OptionOutline& option, std::string value) {
    const auto name = std::ranges::find_if(option.names, is_long);
    if (name != option.names.end()) given_[*name] = std::move(value);
}

const OptionOutline* Line::next_positional() const {
    const auto& all = command_->positionals;
    if (positionals_.size() < all.size()) return &all[positionals_.size()];
    return !all.empty() && all.back().repeated ? &all.back() : nullptr;
}

Completion Line::complete(const std::string& word) const {
    Completion completion;
    completion.given = given_;
    if (command_ == nullptr) return completion;
    if (awaiting_ != nullptr) {
        add_values(completion, *awaiting_, "", word);
    } else if (!no_more_options_ && word.starts_with('-')) {
        if (!add_inline_value(completion, word)) add_option_words(completion, word);
    } else if (!command_->commands.empty()) {
        add_command_words(completion, word);
    } else if (const auto* positional = next_positional()) {
        completion.taken = positionals_;
        add_values(completion, *positional, "", word);
    } else if (word.empty()) {
        add_option_words(completion, word);
    }
    return completion;
}

// Not again unless it may be repeated, and not beside one that excludes it.
bool Line::offers(const OptionOutline& option) const {
    return std::ranges::none_of(seen_, [&option](const OptionOutline* seen) {
        const auto excluded = [&option](const std::string& name) { return has_name(option, name); };
        return (seen == &option && !option.repeated) ||
               std::ranges::any_of(seen->excludes, excluded);
    });
}

void Line::add_option_words(Completion& completion, std::string_view begun) const {
    for (const auto* owner : {command_, &root_}) {
        for (const auto& option : owner->options) {
            const auto name = offered_name(option, begun);
            // What both have, as --help, is the command's.
            const bool hidden = find_option(root_, *command_, option.names.back()) != &option;
            if (!name.empty() && !hidden && offers(option))
                completion.candidates.push_back({name, option.help});
        }
        if (command_ == &root_) return;
    }
}

// Aliases only where no name fits.
void Line::add_command_words(Completion& completion, std::string_view begun) const {
    std::vector<Candidate> aliases;
    for (const auto& command : command_->commands) {
        if (command.name.starts_with(begun))
            completion.candidates.push_back({command.name, command.help});
        for (const auto& alias : command.aliases) {
            if (alias.starts_with(begun)) aliases.push_back({alias, command.help});
        }
    }
    if (completion.candidates.empty()) completion.candidates = std::move(aliases);
}

// "--output=js" or "-ojs".
bool Line::add_inline_value(Completion& completion, const std::string& word) const {
    const auto length = is_long(word) ? word.find('=') : std::size_t{2};
    if (length == std::string::npos || word.size() < length + (is_long(word) ? 0 : 1)) return false;
    const auto* option = find_option(root_, *command_, word.substr(0, length));
    if (option == nullptr || !takes_value(*option)) return false;
    const auto begin = is_long(word) ? length + 1 : length;
    add_values(completion, *option, word.substr(0, begin), word.substr(begin));
    return true;
}

void Line::add_values(Completion& completion,
                      const OptionOutline& option,
                      std::string before,
                      std::string begun) const {
    completion.kind = option.kind;
    completion.before = std::move(before);
    completion.begun = std::move(begun);
    std::vector<Candidate> choices;
    choices.reserve(option.choices.size());
    for (const auto& choice : option.choices)
        choices.push_back({choice, ""});
    add_names(completion, choices);
}

}  // namespace

Completion complete(const CommandOutline& root, std::span<const std::string> words) {
    if (words.empty()) return {};
    Line line(root);
    for (const auto& word : words.first(words.size() - 1))
        line.take(word);
    return line.complete(words.back());
}

void add_names(Completion& completion, const std::vector<Candidate>& names) {
    const auto& taken = completion.taken;
    for (const auto& [name, help] : names) {
        if (!name.starts_with(completion.begun)) continue;
        if (std::ranges::find(taken, name) != taken.end()) continue;
        completion.candidates.push_back({completion.before + name, help});
    }
}

}  // namespace millrace::cli
