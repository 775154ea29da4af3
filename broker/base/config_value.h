// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One setting of the broker as it is in force, with where it came from.
#pragma once

#include <cstdint>
#include <string>

namespace millrace::broker {

// In order of precedence, weakest first.
enum class ConfigSource : std::uint8_t { default_value, broker_file, environment, command_line };

struct ConfigValue {
    std::string key;    // "node.shards"
    std::string value;  // As it would be written in a file: "2", "64MiB", "30s".
    ConfigSource source = ConfigSource::default_value;
    std::string default_value;  // A value, or a phrase where it is derived from the machine.
    std::string documentation;  // One sentence.
    std::string allowed;        // What a value must be, to end "must be ...".
};

}  // namespace millrace::broker
