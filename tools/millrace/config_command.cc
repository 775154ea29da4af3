// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/config_command.h"

#include "tools/millrace/table.h"
#include "tools/millrace/topic_command.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace millrace::cli {

namespace {

std::string json_of(const std::vector<ConfigEntry>& entries, bool lines) {
    auto array = nlohmann::ordered_json::array();
    for (const auto& entry : entries) {
        array.push_back({{"key", entry.key},
                         {"value", entry.value},
                         {"source", source_text(entry.source)},
                         {"default", entry.default_value},
                         {"allowed", entry.allowed},
                         {"read_only", entry.read_only},
                         {"documentation", entry.documentation}});
    }
    if (!lines) return array.dump(2) + "\n";
    std::string text;
    for (const auto& element : array)
        text += element.dump() + "\n";
    return text;
}

}  // namespace

std::string source_text(ConfigSource source) {
    switch (source) {
        case ConfigSource::default_value:
            return "default";
        case ConfigSource::topic:
            return "topic";
        case ConfigSource::broker_file:
            return "file";
        case ConfigSource::environment:
            return "environment";
        case ConfigSource::command_line:
            return "command line";
    }
    return "unknown";
}

ExitCode get_config(const Session& session, const ConfigGetOptions& options) {
    auto admin = session.admin();
    if (!admin) return fail(session, admin.error());
    const auto entries = options.topic.empty() ? admin->broker_config(options.keys)
                                               : admin->topic_config(options.topic, options.keys);
    if (!entries) return fail(session, entries.error(), options.topic);
    for (const auto& key : options.keys) {
        const bool known = std::ranges::find(*entries, key, &ConfigEntry::key) != entries->end();
        if (!known) {
            return fail_usage(session,
                              "There is no setting " + key + "; millrace config get" +
                                      (options.topic.empty() ? "" : " " + options.topic) +
                                      " lists them.");
        }
    }
    if (session.scripted()) {
        const auto text = json_of(*entries, session.output == OutputFormat::jsonl);
        return put_out(session, text);
    }
    Table table({"KEY", "VALUE", "SOURCE", "MEANING"});
    for (const auto& entry : *entries)
        table.add({entry.key, entry.value, source_text(entry.source), entry.documentation});
    return put_out(session, table.text());
}

ExitCode set_config(const Session& session, const ConfigSetOptions& options) {
    return alter_topic(session, {options.topic, 0, options.settings, options.unset});
}

}  // namespace millrace::cli
