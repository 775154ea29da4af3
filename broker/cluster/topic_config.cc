// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/topic_config.h"

#include "broker/cluster/config_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

namespace millrace::broker {
namespace {

constexpr auto kInt32Max = std::numeric_limits<std::int32_t>::max();
constexpr auto kInt64Max = std::numeric_limits<std::int64_t>::max();

constexpr std::string_view kCleanupPolicies[] = {"delete", "compact", "compact,delete"};
constexpr std::string_view kCompressionTypes[] = {"producer"};
constexpr std::string_view kDurabilities[] = {"memory", "written", "synced"};
constexpr std::string_view kTimestampTypes[] = {"CreateTime", "LogAppendTime"};

// Sorted by key.
constexpr ConfigDefinition kDefinitions[] = {
        {"cleanup.policy",
         ConfigType::word,
         0,
         0,
         kCleanupPolicies,
         "What happens to old records: delete removes them in whole segments, compact keeps the "
         "last "
         "one of every key."},
        {"compression.type",
         ConfigType::word,
         0,
         0,
         kCompressionTypes,
         "producer: batches are stored as they were sent, compressed or not."},
        {"delete.retention.ms",
         ConfigType::milliseconds,
         0,
         kInt64Max,
         {},
         "How long compaction keeps a record without a value from when it has first met it."},
        {"durability",
         ConfigType::word,
         0,
         0,
         kDurabilities,
         "What an acknowledgement waits for: memory survives nothing, written survives a crash of "
         "the process, synced survives a power cut."},
        {"index.interval.bytes",
         ConfigType::bytes,
         1024,
         kInt32Max,
         {},
         "Bytes of records between two entries of the offset index, at least."},
        {"max.compaction.lag.ms",
         ConfigType::milliseconds,
         1,
         kInt64Max,
         {},
         "How long a record may wait for compaction, whatever the ratio that is dirty."},
        {"max.message.bytes",
         ConfigType::bytes,
         100,
         64 << 20,
         {},
         "Largest record batch that is taken, as sent, with its header."},
        {"message.timestamp.after.max.ms",
         ConfigType::milliseconds,
         0,
         kInt64Max,
         {},
         "How far in the future a record's timestamp may lie."},
        {"message.timestamp.before.max.ms",
         ConfigType::milliseconds,
         0,
         kInt64Max,
         {},
         "How far in the past a record's timestamp may lie; the largest number: as far as it "
         "likes."},
        {"message.timestamp.type",
         ConfigType::word,
         0,
         0,
         kTimestampTypes,
         "CreateTime keeps the producer's timestamps, LogAppendTime sets the time of the append."},
        {"min.cleanable.dirty.ratio",
         ConfigType::ratio,
         0,
         1,
         {},
         "Share of a partition's bytes that were not compacted yet from which on compaction "
         "begins."},
        {"min.compaction.lag.ms",
         ConfigType::milliseconds,
         0,
         kInt64Max,
         {},
         "How long a record is left alone by compaction, at least."},
        {"min.insync.replicas",
         ConfigType::integer,
         1,
         32,
         {},
         "Replicas that must have a record before it is acknowledged with acks=all."},
        {"retention.bytes",
         ConfigType::bytes,
         -1,
         kInt64Max,
         {},
         "Bytes of a partition that are kept, in whole segments; -1: no limit."},
        {"retention.ms",
         ConfigType::milliseconds,
         -1,
         kInt64Max,
         {},
         "How long records are kept, in whole segments, by their timestamps; -1: for ever."},
        {"segment.bytes",
         ConfigType::bytes,
         4096,
         kInt32Max,
         {},
         "Size at which a partition goes on in a new segment file."},
        {"segment.ms",
         ConfigType::milliseconds,
         1,
         kInt64Max,
         {},
         "Age at which a partition goes on in a new segment file."},
};

static_assert(std::is_sorted(std::begin(kDefinitions),
                             std::end(kDefinitions),
                             [](const auto& a, const auto& b) { return a.key < b.key; }));

// Fewest single-character edits from one word to the other.
std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    for (std::size_t column = 0; column <= to.size(); ++column)
        row[column] = column;
    for (std::size_t line = 1; line <= from.size(); ++line) {
        std::size_t diagonal = row[0];
        row[0] = line;
        for (std::size_t column = 1; column <= to.size(); ++column) {
            const auto changed = diagonal + (from[line - 1] == to[column - 1] ? 0 : 1);
            diagonal = row[column];
            row[column] = std::min({changed, row[column] + 1, row[column - 1] + 1});
        }
    }
    return row[to.size()];
}

std::string unknown_key(std::string_view key) {
    key = key.substr(0, 64);  // Of foreign text no more than is useful is repeated.
    const auto nearer = [key](const auto& a, const auto& b) {
        return edit_distance(key, a.key) < edit_distance(key, b.key);
    };
    const auto& nearest =
            *std::min_element(std::begin(kDefinitions), std::end(kDefinitions), nearer);
    return fmt::format("There is no topic setting '{}'; the nearest is '{}'.", key, nearest.key);
}

std::string possible_words(const ConfigDefinition& definition) {
    std::string words;
    for (const auto word : definition.words) {
        if (!words.empty()) words += ", ";
        words += word;
    }
    return words;
}

std::optional<std::int64_t> parse_number(ConfigType type, std::string_view value) {
    switch (type) {
        case ConfigType::integer:
            return parse_integer(value);
        case ConfigType::bytes:
            return parse_bytes(value);
        case ConfigType::milliseconds:
            return parse_milliseconds(value);
        case ConfigType::ratio:
        case ConfigType::word:
            break;
    }
    return std::nullopt;
}

std::string_view example_of(ConfigType type) {
    switch (type) {
        case ConfigType::bytes:
            return "an integer of bytes, or a size as 64KiB or 1GiB";
        case ConfigType::milliseconds:
            return "an integer of milliseconds, or a time as 12h or 7d";
        case ConfigType::ratio:
            return "a number";
        case ConfigType::integer:
        case ConfigType::word:
            break;
    }
    return "an integer";
}

std::string_view word_of(engine::Durability durability) {
    return kDurabilities[static_cast<std::size_t>(durability)];
}

}  // namespace

std::span<const ConfigDefinition> topic_config_definitions() {
    return kDefinitions;
}

const ConfigDefinition* find_topic_config(std::string_view key) {
    for (const auto& definition : kDefinitions) {
        if (definition.key == key) return &definition;
    }
    return nullptr;
}

std::string allowed_values(const ConfigDefinition& definition) {
    if (definition.type == ConfigType::word) return "one of " + possible_words(definition);
    if (definition.largest == kInt64Max) {
        return fmt::format("{}; at least {}", example_of(definition.type), definition.smallest);
    }
    return fmt::format("{}; from {} to {}",
                       example_of(definition.type),
                       definition.smallest,
                       definition.largest);
}

std::expected<std::string, std::string> canonical_config_value(std::string_view key,
                                                               std::string_view value) {
    const auto* definition = find_topic_config(key);
    if (definition == nullptr) return std::unexpected(unknown_key(key));
    if (definition->type == ConfigType::ratio) {
        const auto ratio = parse_ratio(value);
        if (ratio) return fmt::format("{}", *ratio);
        return std::unexpected(fmt::format(
                "{} = '{}' is not a number from 0 to 1, as 0.5.", key, value.substr(0, 64)));
    }
    if (definition->type == ConfigType::word) {
        if (key == "cleanup.policy" && value == "delete,compact") value = "compact,delete";
        if (std::find(definition->words.begin(), definition->words.end(), value) !=
            definition->words.end()) {
            return std::string(value);
        }
        return std::unexpected(fmt::format("{} = '{}' is not possible: it is one of {}.",
                                           key,
                                           value.substr(0, 64),
                                           possible_words(*definition)));
    }
    const auto number = parse_number(definition->type, value);
    if (!number) {
        return std::unexpected(fmt::format(
                "{} = '{}' is not {}.", key, value.substr(0, 64), example_of(definition->type)));
    }
    if (*number < definition->smallest || *number > definition->largest) {
        return std::unexpected(fmt::format("{} = {} is outside {} to {}.",
                                           key,
                                           *number,
                                           definition->smallest,
                                           definition->largest));
    }
    return fmt::format("{}", *number);
}

std::string default_config_value(std::string_view key, const engine::LogConfig& defaults) {
    if (key == "cleanup.policy") return "delete";
    if (key == "compression.type") return "producer";
    if (key == "delete.retention.ms") return fmt::format("{}", defaults.delete_retention_ms);
    if (key == "durability") return std::string(word_of(defaults.durability));
    if (key == "index.interval.bytes") return fmt::format("{}", defaults.index_interval_bytes);
    if (key == "max.compaction.lag.ms") return fmt::format("{}", defaults.compaction_lag_max_ms);
    if (key == "max.message.bytes") return fmt::format("{}", defaults.message_bytes_max);
    if (key == "message.timestamp.after.max.ms")
        return fmt::format("{}", defaults.timestamp_after_max_ms);
    if (key == "message.timestamp.before.max.ms")
        return fmt::format("{}", defaults.timestamp_before_max_ms);
    if (key == "message.timestamp.type")
        return std::string(kTimestampTypes[defaults.log_append_time ? 1 : 0]);
    if (key == "min.cleanable.dirty.ratio") return fmt::format("{}", defaults.dirty_ratio_min);
    if (key == "min.compaction.lag.ms") return fmt::format("{}", defaults.compaction_lag_min_ms);
    if (key == "min.insync.replicas") return "1";
    if (key == "retention.bytes") return fmt::format("{}", defaults.retention_bytes);
    if (key == "retention.ms") return fmt::format("{}", defaults.retention_ms);
    if (key == "segment.bytes") return fmt::format("{}", defaults.segment_bytes);
    if (key == "segment.ms") return fmt::format("{}", defaults.segment_ms);
    return {};
}

engine::LogConfig effective_log_config(const ConfigOverrides& overrides,
                                       const engine::LogConfig& defaults) {
    engine::LogConfig config = defaults;
    const auto number = [&overrides](std::string_view key, auto& field) {
        const auto found = overrides.find(key);
        if (found == overrides.end()) return;
        const auto value = parse_integer(found->second);
        if (value) field = static_cast<std::remove_reference_t<decltype(field)>>(*value);
    };
    number("delete.retention.ms", config.delete_retention_ms);
    number("index.interval.bytes", config.index_interval_bytes);
    number("max.compaction.lag.ms", config.compaction_lag_max_ms);
    number("max.message.bytes", config.message_bytes_max);
    number("message.timestamp.after.max.ms", config.timestamp_after_max_ms);
    number("message.timestamp.before.max.ms", config.timestamp_before_max_ms);
    number("min.compaction.lag.ms", config.compaction_lag_min_ms);
    number("retention.bytes", config.retention_bytes);
    number("retention.ms", config.retention_ms);
    number("segment.bytes", config.segment_bytes);
    number("segment.ms", config.segment_ms);
    if (const auto found = overrides.find("cleanup.policy"); found != overrides.end()) {
        config.compacts = found->second.starts_with("compact");
        config.expires = found->second.ends_with("delete");
    }
    if (const auto found = overrides.find("min.cleanable.dirty.ratio"); found != overrides.end()) {
        if (const auto ratio = parse_ratio(found->second)) config.dirty_ratio_min = *ratio;
    }
    if (const auto found = overrides.find("message.timestamp.type"); found != overrides.end()) {
        config.log_append_time = found->second == kTimestampTypes[1];
    }
    if (const auto found = overrides.find("durability"); found != overrides.end()) {
        for (const auto durability : {engine::Durability::memory,
                                      engine::Durability::written,
                                      engine::Durability::synced}) {
            if (found->second == word_of(durability)) config.durability = durability;
        }
    }
    return config;
}

}  // namespace millrace::broker
