// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/config/config_loader.h"

#include "broker/config/config_document.h"
#include "broker/config/config_keys.h"
#include "broker/config/derived_sizes.h"
#include "broker/config/key_text.h"
#include "broker/config/nearest.h"
#include "broker/config/units.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <span>

namespace millrace::broker {

namespace {

constexpr std::string_view kDefaultListener = "client";

// The strongest setting of each key.
using Chosen = std::map<std::string, Setting>;

bool is_listener_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") ==
                   std::string_view::npos;
}

// All keys as they may be written, with the listener that `key` names, if it does.
std::vector<std::string> key_names(const std::string& key) {
    const auto listener = listener_of(key);
    std::vector<std::string> names;
    for (const auto& known : config_keys()) {
        std::string name(known.name);
        const auto star = name.find('*');
        if (star != std::string::npos)
            name.replace(star, 1, listener.empty() ? "client" : listener);
        names.push_back(std::move(name));
    }
    return names;
}

// Of a key that was written without its section, or without the listener's name.
std::string_view same_last_word(std::string_view key, std::span<const std::string_view> names) {
    const auto word = "." + std::string(key.substr(key.rfind('.') + 1));
    const auto found = std::ranges::find_if(
            names, [&word](std::string_view name) { return name.ends_with(word); });
    return found == names.end() ? std::string_view{} : *found;
}

std::string unknown_key(const std::string& key) {
    const auto names = key_names(key);
    if (std::ranges::any_of(names,
                            [&key](const auto& name) { return name.starts_with(key + "."); })) {
        const auto section = key == "listener" ? "listener.NAME" : key;
        return key + " is no key but a section: write its keys below [" + section + "]";
    }
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    auto meant = nearest(key, candidates);
    if (meant.empty()) meant = same_last_word(key, candidates);
    std::string text = "unknown key " + key;
    if (!meant.empty()) text += "; the nearest one is " + std::string(meant);
    return text;
}

std::expected<std::int64_t, std::string> number_of(const ConfigKey& key, const TomlValue& value) {
    if (key.type == KeyType::integer) {
        if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
        return std::unexpected("");
    }
    if (key.type == KeyType::boolean) {
        if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1 : 0;
        return std::unexpected("");
    }
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        const std::string unit = key.type == KeyType::size ? "B" : "s";
        return std::unexpected("; a number without a unit is ambiguous: \"" +
                               std::to_string(*number) + unit + "\"?");
    }
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return std::unexpected("");
    if (key.type == KeyType::size) {
        const auto size = parse_size(*text);
        if (!size || *size > static_cast<std::uint64_t>(INT64_MAX)) return std::unexpected("");
        return static_cast<std::int64_t>(*size);
    }
    const auto duration = parse_duration(*text);
    if (!duration) return std::unexpected("");
    return duration->count();
}

bool is_choice(std::string_view choices, std::string_view word) {
    while (!choices.empty()) {
        const auto bar = choices.find('|');
        if (choices.substr(0, bar) == word) return true;
        choices = bar == std::string_view::npos ? std::string_view{} : choices.substr(bar + 1);
    }
    return false;
}

// The checked value, or why it is none.
std::expected<KeyValue, std::string> check_value(const ConfigKey& key, const TomlValue& value) {
    const auto wrong = [&key](const std::string& more) {
        return std::unexpected("must be " + describe_type(key) + more);
    };
    if (key.type == KeyType::text || key.type == KeyType::choice) {
        const auto* text = std::get_if<std::string>(&value);
        if (text == nullptr || text->empty()) return wrong("");
        if (text->find('\0') != std::string::npos) return wrong(" and holds no zero byte");
        if (key.type == KeyType::choice && !is_choice(key.choices, *text)) return wrong("");
        return KeyValue{.number = 0, .text = *text};
    }
    const auto number = number_of(key, value);
    if (!number) return wrong(number.error());
    if (*number < key.minimum || *number > key.maximum) return wrong("");
    return KeyValue{.number = *number, .text = {}};
}

bool take_advertised(std::string_view text, ListenerOptions& listener) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return false;
    auto host = text.substr(0, colon);
    const auto port = text.substr(colon + 1);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (host.empty() || bracketed != (host.find(':') != std::string_view::npos)) return false;
    const auto* end = port.data() + port.size();
    const auto parsed = std::from_chars(port.data(), end, listener.advertised_port);
    if (parsed.ec != std::errc{} || parsed.ptr != end || listener.advertised_port == 0) {
        return false;
    }
    listener.advertised_host = host;
    return true;
}

class Loader {
public:
    Loader(const ConfigInputs& inputs, const Machine& machine)
            : inputs_(inputs), machine_(machine) {}

    std::expected<NodeOptions, ConfigProblems> run() {
        gather();
        for (const auto& key : config_keys()) {
            if (key.store != nullptr) apply(key);
        }
        for (const auto& [name, setting] : chosen_) {
            if (find_key(name) == nullptr) check_unknown(name, setting);
        }
        add_listeners();
        options_.http_bind_place = place_of("http.bind");
        if (problems_.empty()) derive();
        if (problems_.empty()) check_relations();
        if (!problems_.empty()) return std::unexpected(std::move(problems_));
        return std::move(options_);
    }

private:
    void gather() {
        if (inputs_.file) take(read_config_file(*inputs_.file));
        take(read_environment(inputs_.environment));
        for (const auto& assignment : inputs_.assignments)
            take(parse_assignment(assignment));
        if (inputs_.data_directory) {
            chosen_["node.data_dir"] = {.key = "node.data_dir",
                                        .value = inputs_.data_directory->string(),
                                        .place = "--data-dir",
                                        .source = ConfigSource::command_line};
        }
    }

    void take(Settings settings) {
        if (!settings) {
            problems_.push_back(std::move(settings.error()));
            return;
        }
        for (auto& setting : *settings) {
            auto key = setting.key;
            chosen_.insert_or_assign(std::move(key), std::move(setting));
        }
    }

    void problem(const std::string& place, const std::string& text) {
        problems_.push_back(place + ": " + text);
    }

    // What is in force of `key`, named `name`; nothing when it is not set and has no default.
    std::optional<KeyValue> value_of(const ConfigKey& key, const std::string& name) {
        ConfigValue effective{
                .key = name,
                .value = {},
                .source = ConfigSource::default_value,
                .default_value = std::string(key.default_value.empty() ? key.default_phrase
                                                                       : key.default_value),
                .documentation = std::string(key.sentence),
                .allowed = describe_type(key)};
        std::optional<KeyValue> result;
        if (const auto set = chosen_.find(name); set != chosen_.end()) {
            auto checked = check_value(key, set->second.value);
            if (checked) {
                effective.source = set->second.source;
                result = std::move(*checked);
            } else {
                problem(set->second.place, name + " " + checked.error());
            }
        } else if (!key.default_value.empty()) {
            result = default_of(key);
        }
        if (result) effective.value = format_value(key, *result);
        options_.effective.push_back(std::move(effective));
        return result;
    }

    static KeyValue default_of(const ConfigKey& key) {
        const std::string text(key.default_value);
        TomlValue value = text;
        if (key.type == KeyType::integer) value = std::int64_t{std::stoll(text)};
        if (key.type == KeyType::boolean) value = text == "true";
        const auto checked = check_value(key, value);
        ASSERT(checked.has_value());
        return *checked;
    }

    void apply(const ConfigKey& key) {
        if (const auto value = value_of(key, std::string(key.name))) key.store(options_, *value);
    }

    // A section may be empty, but not one that nobody knows, and not a listener's.
    void check_unknown(const std::string& name, const Setting& setting) {
        if (!std::holds_alternative<EmptySection>(setting.value)) {
            return problem(setting.place, unknown_key(name));
        }
        const auto bind_name = name + ".bind";
        if (find_key(bind_name) != nullptr) {
            const bool has_default = listener_of(bind_name) == kDefaultListener;
            if (!has_default && !chosen_.contains(bind_name)) {
                problem(setting.place, bind_name + " is missing");
            }
            return;
        }
        const auto inside = [&name](const ConfigKey& key) {
            return key.name.starts_with(name + ".");
        };
        if (std::ranges::none_of(config_keys(), inside)) {
            problem(setting.place, "unknown section [" + name + "]");
        }
    }

    void add_listeners() {
        std::vector<std::string> names;
        for (const auto& [name, setting] : chosen_) {
            const std::string listener(listener_of(name));
            if (listener.empty() || find_key(name) == nullptr) continue;
            if (!is_listener_name(listener)) {
                problem(setting.place,
                        "a listener's name is made of a-z, 0-9, _ and -, not \"" + listener + "\"");
            } else if (listener == kUnixListener) {
                problem(setting.place,
                        "listener.local is the broker's own Unix socket, <data_dir>/run/"
                        "millraced.sock; choose another name");
            } else if (listener == kHttpListener) {
                problem(setting.place,
                        "listener.http is the broker's own, where http.bind says; choose another "
                        "name");
            } else if (std::find(names.begin(), names.end(), listener) == names.end()) {
                names.push_back(listener);
            }
        }
        if (names.empty()) names.emplace_back(kDefaultListener);
        for (const auto& name : names)
            add_listener(name);
    }

    void add_listener(const std::string& name) {
        const auto bind_name = "listener." + name + ".bind";
        const auto advertise_name = "listener." + name + ".advertise";
        // Only the listener that exists by itself has an address by itself.
        if (name != kDefaultListener && !chosen_.contains(bind_name)) {
            problem(chosen_.at(advertise_name).place, bind_name + " is missing");
            return;
        }
        const auto bind = value_of(*find_key(bind_name), bind_name);
        const auto advertise = value_of(*find_key(advertise_name), advertise_name);
        ListenerOptions listener{.name = name,
                                 .bind = bind ? bind->text : std::string(),
                                 .bind_place = place_of(bind_name)};
        if (advertise && !take_advertised(advertise->text, listener)) {
            problem(chosen_.at(advertise_name).place,
                    advertise_name +
                            " must be HOST:PORT as a client dials it, with an IPv6 "
                            "address in brackets and a port from 1 to 65535, not \"" +
                            advertise->text + "\"");
        }
        options_.listeners.push_back(std::move(listener));
    }

    void derive() {
        auto& directory = options_.data_directory;
        if (directory.empty()) {
            if (machine_.state_directory.empty()) {
                problem("node.data_dir",
                        "there is no home directory to keep data in; set it or use --data-dir");
                return;
            }
            directory = machine_.state_directory / "millrace";
        } else if (directory.is_relative()) {
            resolve_directory();
        }
        directory = directory.lexically_normal();
        if (!directory.has_filename() && directory.has_relative_path()) {
            directory = directory.parent_path();
        }
        if (options_.memory_total == 0) {
            options_.memory_total = default_memory_total(machine_.memory_bytes);
        }
        if (!chosen_.contains("node.shards")) {
            options_.shards = default_shards(machine_.cores, options_.memory_total);
        }
        set_effective("node.data_dir", directory.string());
        set_effective("memory.total", format_size(options_.memory_total));
        set_effective("node.shards", std::to_string(options_.shards));
    }

    void resolve_directory() {
        const auto& setting = chosen_.at("node.data_dir");
        auto& directory = options_.data_directory;
        if (setting.source == ConfigSource::broker_file) {
            std::error_code failed;
            const auto file = std::filesystem::absolute(*inputs_.file, failed);
            directory = file.parent_path() / directory;
        } else if (setting.source == ConfigSource::command_line) {
            directory = inputs_.working_directory / directory;
        } else {
            problem(setting.place, "node.data_dir must be an absolute path here");
        }
    }

    void set_effective(const std::string& key, const std::string& value) {
        for (auto& entry : options_.effective) {
            if (entry.key == key) entry.value = value;
        }
    }

    // Empty where the default is in force.
    [[nodiscard]] std::string place_of(const std::string& key) const {
        const auto set = chosen_.find(key);
        return set == chosen_.end() ? std::string() : set->second.place;
    }

    // Where a relation between two settings is wrong, the one that was set is to blame.
    [[nodiscard]] std::string place_of(const std::string& key, const std::string& other) const {
        for (const auto& name : {key, other}) {
            if (const auto set = chosen_.find(name); set != chosen_.end()) return set->second.place;
        }
        return key;
    }

    void check_relations() {
        if (options_.bytes_in_flight_max < options_.request_bytes_max) {
            problem(place_of("network.bytes_in_flight_max", "network.request_bytes_max"),
                    "network.bytes_in_flight_max must not be below network.request_bytes_max");
        }
        if (options_.topic_defaults.message_bytes_max > options_.request_bytes_max) {
            problem(place_of("topic.max_message_bytes", "network.request_bytes_max"),
                    "topic.max_message_bytes must not be above network.request_bytes_max");
        }
    }

    const ConfigInputs& inputs_;
    const Machine& machine_;
    Chosen chosen_;
    ConfigProblems problems_;
    NodeOptions options_;
};

}  // namespace

std::expected<NodeOptions, ConfigProblems> load_config(const ConfigInputs& inputs,
                                                       const Machine& machine) {
    return Loader(inputs, machine).run();
}

}  // namespace millrace::broker
