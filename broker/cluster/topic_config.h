// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The settings of a topic, under Kafka's names: what there is, its default, what is a value.
#pragma once

#include "engine/log.h"

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace millrace::broker {

enum class ConfigType : std::uint8_t { integer, bytes, milliseconds, ratio, word };

struct ConfigDefinition {
    std::string_view key;
    ConfigType type;
    std::int64_t smallest = 0;  // Of numbers.
    std::int64_t largest = 0;
    std::span<const std::string_view> words;  // Of words: what may be said.
    std::string_view documentation;
};

// In the order of their keys.
[[nodiscard]] std::span<const ConfigDefinition> topic_config_definitions();
[[nodiscard]] const ConfigDefinition* find_topic_config(std::string_view key);

// What a value must be, to end "must be ...".
[[nodiscard]] std::string allowed_values(const ConfigDefinition& definition);

// What was set for one topic, canonical: integers in the key's unit. Other keys have defaults.
using ConfigOverrides = std::map<std::string, std::string, std::less<>>;

// The canonical form of a value: "7d" becomes "604800000". Errors: a sentence that names key and
// value, and for an unknown key the nearest one.
[[nodiscard]] std::expected<std::string, std::string> canonical_config_value(
        std::string_view key, std::string_view value);

// Bytes of the topic's directory names, keys and values are bounded by these.
inline constexpr std::size_t kConfigValueBytesMax = 1024;

// Of a key that exists, when the topic sets nothing.
[[nodiscard]] std::string default_config_value(std::string_view key,
                                               const engine::LogConfig& defaults);

// What the log is told. Requires: values are canonical.
[[nodiscard]] engine::LogConfig effective_log_config(const ConfigOverrides& overrides,
                                                     const engine::LogConfig& defaults);

}  // namespace millrace::broker
