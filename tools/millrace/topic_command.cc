// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/topic_command.h"

#include "tools/millrace/quantity.h"
#include "tools/millrace/standard_output.h"
#include "tools/millrace/table.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace millrace::cli {

namespace {

using Json = nlohmann::ordered_json;

ExitCode print(const std::string& text) {
    return write_out(text) ? ExitCode::ok : ExitCode::failed;
}

Json offsets_json(const std::vector<PartitionOffsets>& partitions) {
    auto array = Json::array();
    for (const auto& row : partitions) {
        array.push_back({{"partition", row.partition},
                         {"start_offset", row.start_offset},
                         {"end_offset", row.end_offset},
                         {"size_bytes", row.size_bytes}});
    }
    return array;
}

std::string offsets_table(const std::vector<PartitionOffsets>& partitions) {
    Table table({"PARTITION", "START", "END", "MESSAGES", "SIZE"});
    for (const auto& row : partitions) {
        table.add({std::to_string(row.partition),
                   count_text(static_cast<std::uint64_t>(row.start_offset)),
                   count_text(static_cast<std::uint64_t>(row.end_offset)),
                   count_text(static_cast<std::uint64_t>(row.end_offset - row.start_offset)),
                   size_text(row.size_bytes)});
    }
    return table.text();
}

// One document, or one line for each element of an array.
std::string json_text(const Context& context, const Json& document) {
    if (context.output == OutputFormat::json) return document.dump(2) + "\n";
    if (!document.is_array()) return document.dump() + "\n";
    std::string lines;
    for (const auto& element : document)
        lines += element.dump() + "\n";
    return lines;
}

// The first partition's error, if one has any.
const Error* first_error(const std::vector<PartitionOffsets>& partitions) {
    for (const auto& row : partitions) {
        if (row.error.code != ErrorCode::none) return &row.error;
    }
    return nullptr;
}

bool confirmed(const std::vector<std::string>& topics) {
    std::string names;
    for (const auto& topic : topics)
        names += (names.empty() ? "" : ", ") + topic;
    fmt::print(stderr, "Delete {} with all records? [y/N] ", names);
    char answer = 'n';
    if (read(STDIN_FILENO, &answer, 1) != 1) return false;
    return answer == 'y' || answer == 'Y';
}

std::string summary(const TopicDescription& topic,
                    const Json& config,
                    const std::vector<PartitionOffsets>& partitions) {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    for (const auto& row : partitions) {
        messages += static_cast<std::uint64_t>(row.end_offset - row.start_offset);
        bytes += row.size_bytes;
    }
    auto text = fmt::format("{}   {} partitions   messages {}   size {}\nid {}\n",
                            topic.name,
                            partitions.size(),
                            count_text(messages),
                            size_text(bytes),
                            topic.id.to_string());
    for (const auto& [key, value] : config.items())
        text += fmt::format("{} = {}\n", key, value.get<std::string>());
    return text + "\n";
}

}  // namespace

ExitCode create_topic(const Context& context, const TopicCreateOptions& options) {
    const auto pairs = parse_pairs(options.config, "-c");
    if (!pairs) return fail(context, pairs.error());
    auto admin = context.admin();
    if (!admin) return fail(context, admin.error());
    NewTopic topic{options.topic, options.partitions, {}};
    for (const auto& pair : *pairs)
        topic.config.emplace_back(pair.key, pair.value);
    const auto created = admin->create_topic(topic);
    if (!created) {
        if (options.if_not_exists && created.error().code == ErrorCode::topic_exists) {
            return context.scripted() ? ExitCode::ok
                                      : print(fmt::format("{} exists\n", options.topic));
        }
        return fail(context, created.error(), options.topic);
    }
    if (context.scripted()) {
        return print(json_text(context,
                               {{"name", created->name},
                                {"id", created->id.to_string()},
                                {"partitions", created->partitions}}));
    }
    std::string settings;
    for (const auto& pair : *pairs)
        settings += fmt::format(", {} {}", pair.key, pair.value);
    return print(fmt::format("created {}: {} partition{}{}\n",
                             created->name,
                             created->partitions,
                             created->partitions == 1 ? "" : "s",
                             settings));
}

ExitCode list_topics(const Context& context) {
    auto admin = context.admin();
    if (!admin) return fail(context, admin.error());
    const auto topics = admin->list_topics();
    if (!topics) return fail(context, topics.error());
    if (context.scripted()) {
        auto array = Json::array();
        for (const auto& topic : *topics) {
            array.push_back({{"name", topic.name},
                             {"id", topic.id.to_string()},
                             {"partitions", topic.partitions.size()}});
        }
        return print(json_text(context, array));
    }
    Table table({"NAME", "PARTITIONS", "ID"});
    for (const auto& topic : *topics)
        table.add({topic.name, std::to_string(topic.partitions.size()), topic.id.to_string()});
    return print(table.text());
}

ExitCode get_topic(const Context& context, const std::string& name) {
    auto admin = context.admin();
    if (!admin) return fail(context, admin.error());
    const auto topic = admin->describe_topic(name);
    if (!topic) return fail(context, topic.error(), name);
    const auto entries = admin->topic_config(name);
    if (!entries) return fail(context, entries.error(), name);
    const auto partitions = admin->topic_offsets(name);
    if (!partitions) return fail(context, partitions.error(), name);
    auto config = Json::object();
    for (const auto& entry : *entries) {
        if (entry.source == ConfigSource::topic) config[entry.key] = entry.value;
    }
    if (!context.scripted())
        return print(summary(*topic, config, *partitions) + offsets_table(*partitions));
    return print(json_text(context,
                           {{"name", topic->name},
                            {"id", topic->id.to_string()},
                            {"config", config},
                            {"partitions", offsets_json(*partitions)}}));
}

ExitCode alter_topic(const Context& context, const TopicAlterOptions& options) {
    const auto pairs = parse_pairs(options.config, "-c");
    if (!pairs) return fail(context, pairs.error());
    std::vector<ConfigChange> changes;
    for (const auto& pair : *pairs)
        changes.push_back({pair.key, pair.value, false});
    for (const auto& key : options.unset)
        changes.push_back({key, "", true});
    if (changes.empty() && options.partitions == 0)
        return fail_usage(context, "Nothing to alter: say -p N, -c KEY=VALUE or --unset KEY.");
    auto admin = context.admin();
    if (!admin) return fail(context, admin.error());
    if (!changes.empty()) {
        const auto altered = admin->alter_topic_config(options.topic, changes);
        if (!altered) return fail(context, altered.error(), options.topic);
    }
    if (options.partitions != 0) {
        const auto grown = admin->grow_topic(options.topic, options.partitions);
        if (!grown) return fail(context, grown.error(), options.topic);
    }
    return context.scripted() ? ExitCode::ok : print(fmt::format("altered {}\n", options.topic));
}

ExitCode delete_topics(const Context& context, const TopicDeleteOptions& options) {
    if (!options.yes && isatty(STDIN_FILENO) != 0 && !confirmed(options.topics))
        return ExitCode::failed;
    auto admin = context.admin();
    if (!admin) return fail(context, admin.error());
    const auto outcomes = admin->delete_topics(options.topics);
    if (!outcomes) return fail(context, outcomes.error());
    std::size_t deleted = 0;
    auto code = ExitCode::ok;
    for (const auto& outcome : *outcomes) {
        if (outcome.error.code != ErrorCode::none) {
            code = fail(context, outcome.error);
            continue;
        }
        ++deleted;
        if (!context.scripted()) (void)print(fmt::format("deleted {}\n", outcome.name));
    }
    return code != ExitCode::ok && deleted > 0 ? ExitCode::partly_done : code;
}

ExitCode show_offsets(const Context& context, const std::string& topic) {
    auto admin = context.admin();
    if (!admin) return fail(context, admin.error());
    const auto partitions = admin->topic_offsets(topic);
    if (!partitions) return fail(context, partitions.error(), topic);
    if (const auto* error = first_error(*partitions)) return fail(context, *error, topic);
    return print(context.scripted() ? json_text(context, offsets_json(*partitions))
                                    : offsets_table(*partitions));
}

}  // namespace millrace::cli
