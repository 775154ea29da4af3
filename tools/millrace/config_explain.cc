// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/config_explain.h"

#include "tools/millrace/config_command.h"
#include "tools/millrace/suggestion.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace millrace::cli {

namespace {

// A setting, and whether what is shown holds for every topic.
struct Explained {
    ConfigEntry entry;
    std::string topic;  // Whose value it is; empty: the broker's, or nobody's.
    bool of_topics = false;
};

using Entries = Result<std::vector<ConfigEntry>>;

Entries topic_entries(Admin& admin, const std::string& wanted) {
    return wanted.empty() ? admin.topic_defaults() : admin.topic_config(wanted);
}

std::optional<Explained> find(const std::string& key,
                              const std::vector<ConfigEntry>& broker,
                              const std::vector<ConfigEntry>& topic,
                              const std::string& topic_name) {
    if (const auto at = std::ranges::find(topic, key, &ConfigEntry::key); at != topic.end()) {
        return Explained{.entry = *at, .topic = topic_name, .of_topics = true};
    }
    const auto at = std::ranges::find(broker, key, &ConfigEntry::key);
    if (at == broker.end()) return std::nullopt;
    return Explained{.entry = *at, .topic = {}, .of_topics = false};
}

std::string unknown_key(const std::string& key,
                        const std::vector<ConfigEntry>& broker,
                        const std::vector<ConfigEntry>& topic) {
    std::vector<std::string> keys;
    for (const auto* entries : {&broker, &topic}) {
        for (const auto& entry : *entries)
            keys.push_back(entry.key);
    }
    const auto near = nearest(key, keys);
    if (near.empty()) return fmt::format("There is no setting {}.", key);
    return fmt::format("There is no setting {}; the nearest: {}.", key, fmt::join(near, ", "));
}

bool has_value(const Explained& explained) {
    return !explained.of_topics || !explained.topic.empty();
}

std::string how_to_change(const Explained& explained) {
    if (explained.entry.read_only) return "at the broker's start: file, environment or --set";
    return fmt::format("while it lives: millrace config set {} {}=VALUE",
                       explained.topic.empty() ? "TOPIC" : explained.topic,
                       explained.entry.key);
}

std::string text_of(const Explained& explained) {
    const auto& entry = explained.entry;
    auto text = fmt::format("{}\n  {}\n\n", entry.key, entry.documentation);
    const auto line = [&text](std::string_view name, std::string_view value) {
        text += fmt::format("  {:<9}{}\n", name, value);
    };
    if (has_value(explained)) {
        line("value",
             fmt::format("{} ({})",
                         entry.value.empty() ? "none" : entry.value,
                         source_text(entry.source)));
    }
    line("default", entry.default_value.empty() ? "none" : entry.default_value);
    line("allowed", entry.allowed);
    line("changed", how_to_change(explained));
    return text;
}

std::string json_of(const Explained& explained, bool pretty) {
    const auto& entry = explained.entry;
    nlohmann::ordered_json json{{"key", entry.key},
                                {"documentation", entry.documentation},
                                {"default", entry.default_value},
                                {"allowed", entry.allowed},
                                {"read_only", entry.read_only}};
    json["value"] = has_value(explained) ? nlohmann::ordered_json(entry.value) : nullptr;
    json["source"] =
            has_value(explained) ? nlohmann::ordered_json(source_text(entry.source)) : nullptr;
    return json.dump(pretty ? 2 : -1) + "\n";
}

}  // namespace

ExitCode explain_config(const Session& session, const ConfigExplainOptions& options) {
    auto admin = session.admin();
    if (!admin) return fail(session, admin.error());
    const auto broker = admin->broker_config();
    if (!broker) return fail(session, broker.error());
    const auto topic = topic_entries(*admin, options.topic);
    if (!topic) return fail(session, topic.error(), options.topic);
    const auto explained = find(options.key, *broker, *topic, options.topic);
    if (!explained) return fail_usage(session, unknown_key(options.key, *broker, *topic));
    if (session.scripted()) {
        return put_out(session, json_of(*explained, session.output == OutputFormat::json));
    }
    return put_out(session, text_of(*explained));
}

}  // namespace millrace::cli
