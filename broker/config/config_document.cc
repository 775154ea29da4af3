// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/config/config_document.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <toml++/toml.h>

namespace millrace::broker {

namespace {

constexpr std::string_view kEnvironmentPrefix = "MILLRACE__";

std::string position_of(const toml::source_region& region) {
    return ":" + std::to_string(region.begin.line) + ":" + std::to_string(region.begin.column);
}

TomlValue value_of(const toml::node& node) {
    if (const auto* number = node.as_integer()) return number->get();
    if (const auto* flag = node.as_boolean()) return flag->get();
    if (const auto* text = node.as_string()) return text->get();
    if (node.is_array()) return OtherToml{"an array"};
    if (node.is_floating_point()) return OtherToml{"a number with a fraction"};
    return OtherToml{"a date or time"};
}

// Kafka's own names may be used in [topic]: segment.bytes is the key segment_bytes.
std::string canonical(std::string key) {
    constexpr std::string_view kTopic = "topic.";
    if (!key.starts_with(kTopic)) return key;
    for (std::size_t at = kTopic.size(); at < key.size(); ++at) {
        if (key[at] == '.') key[at] = '_';
    }
    return key;
}

// Adds every leaf of `table`; `place` is a file's name, to which line and column are added.
void flatten(const toml::table& table,
             const std::string& prefix,
             const std::string& file,
             std::vector<Setting>& settings) {
    for (const auto& [name, node] : table) {
        const auto key = prefix + std::string(name.str());
        const auto* inner = node.as_table();
        if (inner != nullptr && !inner->empty()) {
            flatten(*inner, key + ".", file, settings);
            continue;
        }
        settings.push_back({.key = canonical(key),
                            .value = inner != nullptr ? EmptySection{} : value_of(node),
                            .place = file + position_of(name.source()),
                            .source = ConfigSource::broker_file});
    }
}

// TOML where it is TOML, else the text itself.
void add_loose_value(const std::string& key,
                     std::string_view value,
                     const std::string& place,
                     ConfigSource source,
                     std::vector<Setting>& settings) {
    std::vector<Setting> parsed;
    try {
        const auto table = toml::parse("value = " + std::string(value));
        if (table.size() == 1) {
            const auto* node = table.get("value");
            if (const auto* inner = node->as_table()) {
                flatten(*inner, key + ".", {}, parsed);
            } else {
                parsed.push_back({.key = key, .value = value_of(*node), .place = {}});
            }
        }
    } catch (const toml::parse_error&) {
        parsed.clear();
    }
    if (parsed.empty()) parsed.push_back({.key = key, .value = std::string(value), .place = {}});
    for (auto& setting : parsed) {
        setting.key = canonical(std::move(setting.key));
        setting.place = place;
        setting.source = source;
        settings.push_back(std::move(setting));
    }
}

}  // namespace

Settings parse_config_text(std::string_view text, const std::string& name) {
    std::vector<Setting> settings;
    try {
        flatten(toml::parse(text), "", name, settings);
    } catch (const toml::parse_error& error) {
        return std::unexpected(name + position_of(error.source()) + ": " +
                               std::string(error.description()));
    }
    return settings;
}

Settings read_config_file(const std::filesystem::path& file) {
    std::error_code failed;
    if (std::filesystem::is_directory(file, failed)) {
        return std::unexpected(file.string() + ": this is a directory, not a file");
    }
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    if (stream) text << stream.rdbuf();
    if (!stream) {
        return std::unexpected(file.string() + ": cannot be read: " +
                               std::generic_category().message(errno != 0 ? errno : EIO));
    }
    return parse_config_text(text.str(), file.string());
}

Settings parse_assignment(std::string_view assignment) {
    const auto equals = assignment.find('=');
    const std::string key(assignment.substr(0, equals));
    if (equals == std::string_view::npos || key.empty()) {
        return std::unexpected("--set " + std::string(assignment) +
                               ": write it as SECTION.KEY=VALUE");
    }
    std::vector<Setting> settings;
    add_loose_value(key,
                    assignment.substr(equals + 1),
                    "--set " + key,
                    ConfigSource::command_line,
                    settings);
    return settings;
}

Settings read_environment(const char* const* environment) {
    std::vector<Setting> settings;
    for (; environment != nullptr && *environment != nullptr; ++environment) {
        const std::string_view entry(*environment);
        if (!entry.starts_with(kEnvironmentPrefix)) continue;
        const auto equals = entry.find('=');
        if (equals == std::string_view::npos) continue;
        std::string key;
        const auto name =
                entry.substr(kEnvironmentPrefix.size(), equals - kEnvironmentPrefix.size());
        for (std::size_t at = 0; at < name.size(); ++at) {
            if (name.substr(at).starts_with("__")) {
                key += '.';
                ++at;
            } else {
                const char letter = name[at];
                key += letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
            }
        }
        add_loose_value(key,
                        entry.substr(equals + 1),
                        std::string(entry.substr(0, equals)),
                        ConfigSource::environment,
                        settings);
    }
    return settings;
}

}  // namespace millrace::broker
