// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Settings as they were written, before anybody knows what they mean: from a TOML file, the
// environment or --set, each with the place to blame.
#pragma once

#include "broker/base/config_value.h"

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace millrace::broker {

// Whatever else TOML knows: dates, arrays, numbers with a fraction.
struct OtherToml {
    std::string kind;  // "an array"
};

// A section without a key: [node]
struct EmptySection {};

using TomlValue = std::variant<std::int64_t, bool, std::string, OtherToml, EmptySection>;

struct Setting {
    std::string key;  // "node.shards"
    TomlValue value;
    std::string place;  // "/etc/millraced.toml:3:1", "MILLRACE__NODE__SHARDS", "--set node.shards"
    ConfigSource source = ConfigSource::default_value;
};

// On failure, a sentence that begins with the place.
using Settings = std::expected<std::vector<Setting>, std::string>;

[[nodiscard]] Settings read_config_file(const std::filesystem::path& file);

// `text` is a whole file; `name` stands in the places.
[[nodiscard]] Settings parse_config_text(std::string_view text, const std::string& name);

// "SECTION.KEY=VALUE"; VALUE is TOML, and what is not TOML is a string.
[[nodiscard]] Settings parse_assignment(std::string_view assignment);

// Every "MILLRACE__SECTION__KEY=VALUE" of a null-terminated array of such strings.
[[nodiscard]] Settings read_environment(const char* const* environment);

}  // namespace millrace::broker
