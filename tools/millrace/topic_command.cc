// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/topic_command.h"

#include "tools/millrace/json_document.h"
#include "tools/millrace/quantity.h"
#include "tools/millrace/standard_error.h"
#include "tools/millrace/table.h"

#include <fmt/format.h>

#include <unistd.h>

namespace millrace::cli {

namespace {

using Json = nlohmann::ordered_json;

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

Json identity_json(const std::string& name, const Uuid& id, std::size_t partitions) {
    return {{"name", name}, {"id", id.to_string()}, {"partitions", partitions}};
}

ExitCode say_exists(const Session& session, Admin& admin, const std::string& name) {
    if (!session.scripted()) return put_out(session, fmt::format("{} exists\n", name));
    const auto topic = admin.describe_topic(name);
    if (!topic) return fail(session, topic.error(), name);
    return put_out(
            session,
            json_text(session, identity_json(topic->name, topic->id, topic->partitions.size())));
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
    say(fmt::format("Delete {} with all records? [y/N] ", names));
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

ExitCode create_topic(const Session& session, const TopicCreateOptions& options) {
    const auto pairs = parse_pairs(options.config, "-c");
    if (!pairs) return fail(session, pairs.error());
    auto admin = session.admin();
    if (!admin) return fail(session, admin.error());
    NewTopic topic{options.topic, options.partitions, {}};
    for (const auto& pair : *pairs)
        topic.config.emplace_back(pair.key, pair.value);
    const auto created = admin->create_topic(topic);
    if (!created) {
        if (options.if_not_exists && created.error().code == ErrorCode::topic_exists)
            return say_exists(session, *admin, options.topic);
        return fail(session, created.error(), options.topic);
    }
    if (session.scripted()) {
        return put_out(
                session,
                json_text(session, identity_json(created->name, created->id, created->partitions)));
    }
    std::string settings;
    for (const auto& pair : *pairs)
        settings += fmt::format(", {} {}", pair.key, pair.value);
    return put_out(session,
                   fmt::format("created {}: {} partition{}{}\n",
                               created->name,
                               created->partitions,
                               created->partitions == 1 ? "" : "s",
                               settings));
}

ExitCode list_topics(const Session& session) {
    auto admin = session.admin();
    if (!admin) return fail(session, admin.error());
    const auto topics = admin->list_topics();
    if (!topics) return fail(session, topics.error());
    if (session.scripted()) {
        auto array = Json::array();
        for (const auto& topic : *topics) {
            array.push_back(identity_json(topic.name, topic.id, topic.partitions.size()));
        }
        return put_out(session, json_text(session, array));
    }
    Table table({"NAME", "PARTITIONS", "ID"});
    for (const auto& topic : *topics)
        table.add({topic.name, std::to_string(topic.partitions.size()), topic.id.to_string()});
    return put_out(session, table.text());
}

ExitCode get_topic(const Session& session, const std::string& name) {
    auto admin = session.admin();
    if (!admin) return fail(session, admin.error());
    const auto topic = admin->describe_topic(name);
    if (!topic) return fail(session, topic.error(), name);
    const auto entries = admin->topic_config(name);
    if (!entries) return fail(session, entries.error(), name);
    const auto partitions = admin->topic_offsets(name);
    if (!partitions) return fail(session, partitions.error(), name);
    if (const auto* error = first_error(*partitions)) return fail(session, *error, name);
    auto config = Json::object();
    for (const auto& entry : *entries) {
        if (entry.source == ConfigSource::topic) config[entry.key] = entry.value;
    }
    if (!session.scripted())
        return put_out(session, summary(*topic, config, *partitions) + offsets_table(*partitions));
    return put_out(session,
                   json_text(session,
                             {{"name", topic->name},
                              {"id", topic->id.to_string()},
                              {"config", config},
                              {"partitions", offsets_json(*partitions)}}));
}

ExitCode alter_topic(const Session& session, const TopicAlterOptions& options) {
    const auto pairs = parse_pairs(options.config, "-c");
    if (!pairs) return fail(session, pairs.error());
    std::vector<ConfigChange> changes;
    for (const auto& pair : *pairs)
        changes.push_back({pair.key, pair.value, false});
    for (const auto& key : options.unset)
        changes.push_back({key, "", true});
    if (changes.empty() && options.partitions == 0)
        return fail_usage(session, "Nothing to alter: say -p N, -c KEY=VALUE or --unset KEY.");
    auto admin = session.admin();
    if (!admin) return fail(session, admin.error());
    if (!changes.empty()) {
        const auto altered = admin->alter_topic_config(options.topic, changes);
        if (!altered) return fail(session, altered.error(), options.topic);
    }
    if (options.partitions != 0) {
        const auto grown = admin->grow_topic(options.topic, options.partitions);
        if (!grown) {
            const auto code = fail(session, grown.error(), options.topic);
            return changes.empty() ? code : ExitCode::partly_done;
        }
    }
    return put_out(session,
                   session.scripted() ? json_text(session, {{"name", options.topic}})
                                      : fmt::format("altered {}\n", options.topic));
}

ExitCode delete_topics(const Session& session, const TopicDeleteOptions& options) {
    if (!options.yes && isatty(STDIN_FILENO) != 0 && !confirmed(options.topics))
        return ExitCode::failed;
    auto admin = session.admin();
    if (!admin) return fail(session, admin.error());
    const auto outcomes = admin->delete_topics(options.topics);
    if (!outcomes) return fail(session, outcomes.error());
    auto deleted = Json::array();
    std::string text;
    auto code = ExitCode::ok;
    for (const auto& outcome : *outcomes) {
        if (outcome.error.code != ErrorCode::none) {
            code = fail(session, outcome.error);
            continue;
        }
        deleted.push_back({{"name", outcome.name}});
        text += fmt::format("deleted {}\n", outcome.name);
    }
    const auto put = put_out(session, session.scripted() ? json_text(session, deleted) : text);
    if (code != ExitCode::ok && !deleted.empty()) return ExitCode::partly_done;
    return code == ExitCode::ok ? put : code;
}

ExitCode show_offsets(const Session& session, const std::string& topic) {
    auto admin = session.admin();
    if (!admin) return fail(session, admin.error());
    const auto partitions = admin->topic_offsets(topic);
    if (!partitions) return fail(session, partitions.error(), topic);
    if (const auto* error = first_error(*partitions)) return fail(session, *error, topic);
    return put_out(session,
                   session.scripted() ? json_text(session, offsets_json(*partitions))
                                      : offsets_table(*partitions));
}

}  // namespace millrace::cli
