// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/manual_page.h"

#include "tools/millrace/exit_code.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace millrace::cli {

namespace {

std::string bold(std::string_view text) {
    return fmt::format("\\fB{}\\fR", roff_text(text));
}

std::string italic(std::string_view text) {
    return fmt::format("\\fI{}\\fR", roff_text(text));
}

std::string reference(std::string_view page) {
    return bold(page) + "(1)";
}

std::string page_of(const CommandOutline& root, const CommandOutline& noun) {
    return root.name + "-" + noun.name;
}

void add_section(std::string& page, std::string_view title) {
    page += fmt::format(".SH {}\n", title);
}

void add_tagged(std::string& page, std::string_view tag, std::string_view text) {
    page += fmt::format(".TP\n{}\n{}\n", tag, text);
}

// "[FILE]", "TOPIC ..."
std::string positional_text(const OptionOutline& positional) {
    const auto name = italic(positional.value) + (positional.repeated ? " ..." : "");
    return positional.required ? name : "[" + name + "]";
}

std::string synopsis(std::string_view words, const CommandOutline& command) {
    auto line = fmt::format("{} [{}]", bold(words), italic("OPTION"));
    if (!command.options.empty()) line += " ...";
    for (const auto& positional : command.positionals)
        line += " " + positional_text(positional);
    return line;
}

std::string option_tag(const OptionOutline& option) {
    std::string tag;
    for (const auto& name : option.names)
        tag += (tag.empty() ? "" : ", ") + bold(name);
    if (option.names.empty()) return italic(option.value);
    return option.value.empty() ? tag : tag + " " + italic(option.value);
}

void add_option(std::string& page, const OptionOutline& option) {
    auto text = roff_text(option.help);
    if (!option.default_value.empty())
        text += fmt::format(" (default: {})", roff_text(option.default_value));
    add_tagged(page, option_tag(option), text);
}

// Positionals and options that are the command's own.
void add_options(std::string& page, const CommandOutline& root, const CommandOutline& command) {
    for (const auto& positional : command.positionals)
        add_option(page, positional);
    for (const auto& option : command.options) {
        const bool common = find_option(root, root, option.names.back()) != nullptr;
        if (!common || &command == &root) add_option(page, option);
    }
}

std::string aliases_text(const CommandOutline& command) {
    std::string text;
    for (const auto& alias : command.aliases)
        text += (text.empty() ? " (also " : ", ") + bold(alias);
    return text.empty() ? text : text + ")";
}

void add_commands(std::string& page, const CommandOutline& parent) {
    for (const auto& command : parent.commands)
        add_tagged(page, bold(command.name) + aliases_text(command), roff_text(command.help));
}

// What help prints last, as it is printed.
void add_footer(std::string& page, const CommandOutline& root, const CommandOutline& command) {
    if (command.footer.empty() || command.footer == root.footer) return;
    page += ".PP\n.nf\n";
    std::string_view rest = command.footer;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        page += roff_text(rest.substr(0, end)) + "\n";
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    page += ".fi\n";
}

void add_environment(std::string& page, const CommandOutline& root) {
    add_section(page, "ENVIRONMENT");
    for (const auto& option : root.options) {
        if (option.environment.empty()) continue;
        add_tagged(page,
                   bold(option.environment),
                   fmt::format("Counts where {} is not given.", option_tag(option)));
    }
}

void add_ends(std::string& page, const CommandOutline& root, std::string_view name) {
    add_section(page, "EXIT STATUS");
    for (const auto& [code, meaning] : kExitMeanings)
        add_tagged(page, bold(std::to_string(static_cast<int>(code))), roff_text(meaning));
    add_environment(page, root);
    add_section(page, "SEE ALSO");
    std::string others;
    for (const auto& other : manual_pages(root)) {
        if (other == name) continue;
        others += (others.empty() ? "" : ",\n") + reference(other);
    }
    page += others + "\n";
}

void add_head(std::string& page,
              std::string_view name,
              std::string_view version,
              std::string_view help) {
    std::string title(name);
    std::ranges::transform(title, title.begin(), [](unsigned char character) {
        return static_cast<char>(std::toupper(character));
    });
    page += fmt::format(
            ".\\\" Made by millrace __manual out of its command tree.\n"
            ".TH {} 1 \"\" \"Millrace {}\" \"Millrace Manual\"\n"
            ".nh\n.ad l\n",
            roff_text(title),
            roff_text(version));
    add_section(page, "NAME");
    page += fmt::format("{} \\- {}\n", roff_text(name), roff_text(help));
    add_section(page, "SYNOPSIS");
}

std::string page_of_root(const CommandOutline& root, std::string_view version) {
    std::string page;
    add_head(page, root.name, version, root.help);
    page += fmt::format("{} {} [{}] ...\n", bold(root.name), italic("COMMAND"), italic("OPTION"));
    add_section(page, "DESCRIPTION");
    page += "The commands, each with a page of its own:\n";
    for (const auto& noun : root.commands) {
        add_tagged(page, reference(page_of(root, noun)) + aliases_text(noun), roff_text(noun.help));
    }
    add_section(page, "OPTIONS");
    page += "Every command takes these.\n";
    add_options(page, root, root);
    add_ends(page, root, root.name);
    return page;
}

std::string page_of_noun(const CommandOutline& root,
                         const CommandOutline& noun,
                         std::string_view version) {
    const auto name = page_of(root, noun);
    const auto words = root.name + " " + noun.name;
    std::string page;
    add_head(page, name, version, noun.help);
    if (noun.commands.empty()) page += synopsis(words, noun) + "\n";
    for (const auto& verb : noun.commands) {
        page += synopsis(words + " " + verb.name, verb) + "\n";
        if (&verb != &noun.commands.back()) page += ".br\n";
    }
    add_section(page, "DESCRIPTION");
    page += roff_text(noun.help) + aliases_text(noun) + ".\n";
    add_commands(page, noun);
    add_footer(page, root, noun);
    add_section(page, "OPTIONS");
    add_options(page, root, noun);
    for (const auto& verb : noun.commands) {
        page += fmt::format(".SS {}\n", roff_text(words + " " + verb.name));
        page += roff_text(verb.help) + ".\n";
        add_options(page, root, verb);
    }
    page += ".SS Of every command\n";
    add_options(page, root, root);
    add_ends(page, root, name);
    return page;
}

}  // namespace

std::string roff_text(std::string_view text) {
    std::string result;
    // A line that begins with one of these would be a command.
    if (text.starts_with('.') || text.starts_with('\'')) result += "\\&";
    for (const char character : text) {
        switch (character) {
            case '\\':
                result += "\\e";
                break;
            case '-':
                result += "\\-";
                break;
            case '\'':
                result += "\\(aq";
                break;
            case '`':
                result += "\\(ga";
                break;
            case '^':
                result += "\\(ha";
                break;
            case '~':
                result += "\\(ti";
                break;
            default:
                result += character;
        }
    }
    return result;
}

std::vector<std::string> manual_pages(const CommandOutline& root) {
    std::vector<std::string> pages{root.name};
    for (const auto& noun : root.commands)
        pages.push_back(page_of(root, noun));
    return pages;
}

std::optional<std::string> manual_page(const CommandOutline& root,
                                       std::string_view page,
                                       std::string_view version) {
    if (page == root.name) return page_of_root(root, version);
    for (const auto& noun : root.commands) {
        if (page == page_of(root, noun)) return page_of_noun(root, noun, version);
    }
    return std::nullopt;
}

}  // namespace millrace::cli
