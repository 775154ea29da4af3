// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "tools/millrace/topic_tree.h"

#include "tools/millrace/backup_command.h"
#include "tools/millrace/cluster_command.h"
#include "tools/millrace/compaction_command.h"
#include "tools/millrace/config_command.h"
#include "tools/millrace/config_explain.h"
#include "tools/millrace/deletion_command.h"
#include "tools/millrace/quantity.h"
#include "tools/millrace/topic_command.h"
#include "tools/millrace/verify_command.h"

#include <cstdint>
#include <limits>

namespace millrace::cli {

namespace {

CLI::Option* add_settings(CLI::App* command, std::vector<std::string>& to) {
    return add_list(command, "-c,--config", "KEY=VALUE", to, "A setting, may be repeated");
}

CLI::Option* add_unset(CLI::App* command, std::vector<std::string>& to) {
    return add_list(command, "--unset", "KEY", to, "A setting back to its default");
}

std::optional<std::uint32_t> parse_partitions(std::string_view text) {
    const auto count = parse_count(text);
    if (!count || *count == 0 || *count > std::numeric_limits<std::uint32_t>::max())
        return std::nullopt;
    return static_cast<std::uint32_t>(*count);
}

void add_partitions(CLI::App* command, std::uint32_t& to, const std::string& help) {
    add_parsed(command, "-p,--partitions", "N", to, parse_partitions, "a number from 1 on", help);
}

void add_create(CLI::App* topic, Invocation& invocation) {
    auto* command = topic->add_subcommand("create", "Make a topic");
    auto options = options_of<TopicCreateOptions>(command, invocation, create_topic);
    add_positional(command, invocation, "TOPIC", ValueKind::free, options->topic, "Its name")
            ->required();
    add_partitions(command, options->partitions, "How many partitions");
    add_settings(command, options->config);
    command->add_flag("--if-not-exists", options->if_not_exists, "No error when it exists");
}

void add_alter(CLI::App* topic, Invocation& invocation) {
    auto* command = topic->add_subcommand("alter", "Change settings or add partitions");
    auto options = options_of<TopicAlterOptions>(command, invocation, alter_topic);
    add_topic_name(command, invocation, options->topic, "Its name")->required();
    add_partitions(command, options->partitions, "The new number of partitions");
    add_settings(command, options->config);
    add_unset(command, options->unset);
}

// A command of one topic and nothing else.
CLI::App* add_of_topic(CLI::App* parent,
                       Invocation& invocation,
                       const std::string& name,
                       const std::string& help,
                       ExitCode (*run)(const Session&, const std::string&)) {
    auto* command = parent->add_subcommand(name, help);
    auto topic = options_of<std::string>(command, invocation, run);
    add_topic_name(command, invocation, *topic, "Its name")->required();
    return command;
}

void add_delete(CLI::App* topic, Invocation& invocation) {
    auto* command = topic->add_subcommand("delete", "Delete topics with all their records");
    auto options = options_of<TopicDeleteOptions>(command, invocation, delete_topics);
    add_topic_name(command, invocation, options->topics, "Names")->required();
    command->add_flag("-y,--yes", options->yes, "Do not ask");
}

// An offset, or "end" for everything.
std::optional<std::int64_t> parse_before(std::string_view text) {
    if (text == "end") return kAllRecords;
    const auto offset = parse_count(text);
    if (!offset || *offset > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return std::nullopt;
    return static_cast<std::int64_t>(*offset);
}

void add_truncate(CLI::App* topic, Invocation& invocation) {
    auto* command =
            topic->add_subcommand("truncate", "Delete the records of a partition below an offset");
    command->alias("purge");
    auto options = options_of<TopicTruncateOptions>(command, invocation, truncate_topic);
    add_topic_name(command, invocation, options->topic, "Its name")->required();
    add_value(command, "-p,--partition", "N", options->partition, "This partition")->required();
    add_parsed(command,
               "--before",
               "OFFSET",
               options->before,
               parse_before,
               "an offset or end",
               "First offset that stays, or end: all go")
            ->required();
    command->add_flag("-y,--yes", options->yes, "Do not ask");
}

void add_compact(CLI::App* topic, Invocation& invocation) {
    auto* command = topic->add_subcommand(
            "compact", "Keep now the last record of every key, and say what that took away");
    auto options = options_of<TopicCompactOptions>(command, invocation, compact_topic);
    add_topic_name(command, invocation, options->topic, "Its name")->required();
    command->add_flag("--wait", options->wait, "Until it is finished");
}

void add_backup(CLI::App* topic, Invocation& invocation) {
    auto* command = topic->add_subcommand(
            "backup", "Copy a topic of a running broker into a directory, by hard links");
    auto options = options_of<TopicBackupOptions>(command, invocation, backup_topic);
    add_topic_name(command, invocation, options->topic, "Its name")->required();
    add_positional(command,
                   invocation,
                   "DIR",
                   ValueKind::file,
                   options->directory,
                   "A directory that is not there, or empty; on the broker's machine")
            ->required();
}

void add_restore(CLI::App* topic, Invocation& invocation) {
    auto* command =
            topic->add_subcommand("restore", "Make a topic of a backup, with the same offsets");
    auto options = options_of<TopicRestoreOptions>(command, invocation, restore_topic);
    add_positional(command,
                   invocation,
                   "DIR",
                   ValueKind::file,
                   options->directory,
                   "What `topic backup` made; on the broker's machine")
            ->required();
    add_value(command, "--as", "NAME", options->as, "The topic's name, if it is to be another one");
}

void add_verify(CLI::App* topic, Invocation& invocation) {
    auto* command = topic->add_subcommand(
            "verify", "Read and check all that is stored, and list what is damaged");
    auto options = options_of<TopicVerifyOptions>(command, invocation, verify_topic);
    add_topic_name(command, invocation, options->topic, "Its name")->required();
    add_value(command, "-p,--partition", "N", options->partition, "This partition only");
}

void add_get_config(CLI::App* config, Invocation& invocation) {
    auto* command =
            config->add_subcommand("get", "Settings of a topic, or of the broker without one");
    command->alias("describe");
    auto options = options_of<ConfigGetOptions>(command, invocation, get_config);
    add_topic_name(command, invocation, options->topic, "A topic");
    add_positional(command, invocation, "KEY", ValueKind::free, options->keys, "Only these");
}

void add_set_config(CLI::App* config, Invocation& invocation) {
    auto* command = config->add_subcommand("set", "Change settings of a topic while it lives");
    auto options = options_of<ConfigSetOptions>(command, invocation, set_config);
    add_topic_name(command, invocation, options->topic, "A topic")->required();
    add_positional(command, invocation, "SETTING", ValueKind::free, options->settings, "KEY=VALUE");
    add_unset(command, options->unset);
}

void add_explain_config(CLI::App* config, Invocation& invocation) {
    auto* command = config->add_subcommand("explain", "All there is to know about a setting");
    auto options = options_of<ConfigExplainOptions>(command, invocation, explain_config);
    add_positional(command, invocation, "KEY", ValueKind::free, options->key, "Its name")
            ->required();
    add_topic_name(command, invocation, options->topic, "Whose value to show");
}

}  // namespace

void add_topic(CLI::App& root, Invocation& invocation) {
    auto* topic = root.add_subcommand(
            "topic",
            "Topics: create, list, get, alter, delete, truncate, compact, verify, backup, restore");
    topic->alias("topics")->require_subcommand(1);
    add_create(topic, invocation);
    add_plain(topic, invocation, "list", "All topics", list_topics);
    add_of_topic(topic, invocation, "get", "Partitions, offsets and settings", get_topic)
            ->alias("describe");
    add_alter(topic, invocation);
    add_delete(topic, invocation);
    add_truncate(topic, invocation);
    add_of_topic(topic,
                 invocation,
                 "expire",
                 "Delete now what retention keeps no longer, and say what",
                 expire_topic);
    add_compact(topic, invocation);
    add_verify(topic, invocation);
    add_backup(topic, invocation);
    add_restore(topic, invocation);
    add_of_topic(
            topic, invocation, "offsets", "Where each partition starts and ends", show_offsets);
}

void add_cluster(CLI::App& root, Invocation& invocation) {
    auto* cluster = root.add_subcommand("cluster", "The broker and what it serves: info");
    cluster->require_subcommand(1);
    add_plain(cluster, invocation, "info", "Identity, broker, counts", show_cluster);
}

void add_config(CLI::App& root, Invocation& invocation) {
    auto* config = root.add_subcommand("config",
                                       "Settings of topics and of the broker: get, set, explain");
    config->require_subcommand(1);
    add_get_config(config, invocation);
    add_set_config(config, invocation);
    add_explain_config(config, invocation);
}

}  // namespace millrace::cli
