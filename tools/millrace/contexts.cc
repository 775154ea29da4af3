// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/contexts.h"

#include "tools/millrace/json_text.h"
#include "tools/millrace/suggestion.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <toml++/toml.h>

namespace millrace::cli {

namespace {

constexpr std::int64_t kFormat = 1;
constexpr std::size_t kNameBytesMax = 64;

// A sentence about a place of the file; parse_contexts() puts the file's name before it.
struct Wrong {
    toml::source_position place;
    std::string why;
};

[[noreturn]] void refuse(const toml::source_region& where, const std::string& why) {
    throw Wrong{where.begin, why};
}

// Every key has to be one of `known`.
void check_keys(const toml::table& table, const std::vector<std::string>& known) {
    for (const auto& [key, value] : table) {
        if (std::ranges::find(known, key.str()) != known.end()) continue;
        const auto near = nearest(key.str(), known);
        refuse(key.source(),
               fmt::format("there is no key '{}' here; {}: {}",
                           key.str(),
                           near.empty() ? "there are" : "the nearest",
                           fmt::join(near.empty() ? known : near, ", ")));
    }
}

// Empty when there is no such key.
std::string text_of(const toml::table& table, std::string_view key) {
    const auto* node = table.get(key);
    if (node == nullptr) return {};
    const auto* text = node->as_string();
    if (text == nullptr || text->get().empty())
        refuse(node->source(), fmt::format("{} takes a text in quotes", key));
    return text->get();
}

void check_format(const toml::table& root) {
    const auto* node = root.get("format");
    if (node == nullptr)
        refuse(root.source(), fmt::format("format is missing; write: format = {}", kFormat));
    const auto* number = node->as_integer();
    if (number == nullptr) refuse(node->source(), "format takes a whole number");
    if (number->get() == kFormat) return;
    refuse(node->source(),
           fmt::format("its format is {}, and this millrace reads format {}: use the millrace "
                       "that wrote it",
                       number->get(),
                       kFormat));
}

NamedContext context_of(const toml::key& name, const toml::node& node) {
    if (!is_context_name(name.str())) {
        refuse(name.source(), fmt::format("'{}' cannot be a context's name", name.str()));
    }
    const auto* table = node.as_table();
    if (table == nullptr) refuse(name.source(), "a context is a table: [contexts.NAME]");
    check_keys(*table, {"server", "output"});
    NamedContext context{.name = std::string(name.str()), .server = text_of(*table, "server")};
    if (context.server.empty()) refuse(name.source(), "this context has no server");
    if (!is_context_server(context.server)) {
        refuse(table->get("server")->source(), "server holds control characters");
    }
    if (const auto word = text_of(*table, "output"); !word.empty()) {
        const auto output = chosen(kOutputFormats, word);
        if (!output) {
            refuse(table->get("output")->source(),
                   fmt::format(
                           "output is {}, not '{}'", listed_or(names_of(kOutputFormats)), word));
        }
        context.output = *output;
    }
    return context;
}

Contexts contexts_of(const toml::table& root) {
    check_format(root);
    check_keys(root, {"format", "in_use", "contexts"});
    Contexts contexts;
    if (const auto* node = root.get("contexts")) {
        const auto* table = node->as_table();
        if (table == nullptr) refuse(node->source(), "contexts is a table: [contexts.NAME]");
        for (const auto& [name, context] : *table)
            contexts.add(context_of(name, context));
    }
    contexts.in_use = text_of(root, "in_use");
    if (!contexts.in_use.empty() && contexts.find(contexts.in_use) == nullptr) {
        refuse(root.get("in_use")->source(),
               fmt::format("in_use is '{}', and there is no such context", contexts.in_use));
    }
    return contexts;
}

std::string quoted(std::string_view text) {
    std::string result = "\"";
    for (const char character : text) {
        if (character == '"' || character == '\\') result += '\\';
        result += character;
    }
    return result + '"';
}

bool is_plain(unsigned char character) {
    return std::isalnum(character) != 0 || character == '-' || character == '_' || character == '.';
}

}  // namespace

const NamedContext* Contexts::find(std::string_view name) const {
    const auto found = std::ranges::find(all, name, &NamedContext::name);
    return found == all.end() ? nullptr : &*found;
}

std::vector<std::string> Contexts::names() const {
    std::vector<std::string> names;
    names.reserve(all.size());
    for (const auto& context : all)
        names.push_back(context.name);
    return names;
}

void Contexts::add(NamedContext context) {
    const auto place = std::ranges::lower_bound(all, context.name, {}, &NamedContext::name);
    all.insert(place, std::move(context));
}

void Contexts::remove(std::string_view name) {
    if (in_use == name) in_use.clear();
    std::erase_if(all, [name](const NamedContext& context) { return context.name == name; });
}

bool is_context_name(std::string_view name) {
    return !name.empty() && name.size() <= kNameBytesMax && name.front() != '-' &&
           std::ranges::all_of(name, is_plain);
}

bool is_context_server(std::string_view server) {
    return !server.empty() && is_utf8(server) && std::ranges::none_of(server, [](char character) {
        return static_cast<unsigned char>(character) < 0x20 || character == 0x7f;
    });
}

std::expected<Contexts, std::string> parse_contexts(std::string_view text,
                                                    const std::string& file) {
    const auto sentence = [&file](const toml::source_position& place, std::string_view why) {
        return std::unexpected(fmt::format("{}:{}:{}: {}.", file, place.line, place.column, why));
    };
    try {
        return contexts_of(toml::parse(text));
    } catch (const toml::parse_error& error) {
        return sentence(error.source().begin, error.description());
    } catch (const Wrong& wrong) {
        return sentence(wrong.place, wrong.why);
    }
}

std::string contexts_text(const Contexts& contexts) {
    auto text = fmt::format(
            "# Written by `millrace context`, which keeps no comments.\nformat = {}\n", kFormat);
    if (!contexts.in_use.empty()) text += fmt::format("in_use = {}\n", quoted(contexts.in_use));
    for (const auto& context : contexts.all) {
        const bool bare = context.name.find('.') == std::string::npos;
        text += fmt::format("\n[contexts.{}]\nserver = {}\noutput = {}\n",
                            bare ? context.name : quoted(context.name),
                            quoted(context.server),
                            quoted(name_of(kOutputFormats, context.output)));
    }
    return text;
}

}  // namespace millrace::cli
