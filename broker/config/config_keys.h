// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The one table of settings: name, type, default, bounds, a sentence, and where the value goes.
// The loader, --help of a wrong key, describe_configs and the documentation all read it.
#pragma once

#include "broker/base/node_options.h"

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace millrace::broker {

enum class KeyType : std::uint8_t {
    integer,
    size,      // A string with a unit; number is bytes.
    duration,  // A string with a unit; number is microseconds.
    boolean,   // number is 0 or 1.
    text,
    choice,  // text is one of the words of `choices`.
};

// A value that passed the checks of its key.
struct KeyValue {
    std::int64_t number = 0;
    std::string text;
};

inline constexpr std::int64_t kNoMaximum = std::numeric_limits<std::int64_t>::max();

struct ConfigKey {
    std::string_view name;  // "node.shards"; "listener.*.bind" for every NAME.
    KeyType type;
    std::string_view default_value;   // Parsed like a value in a file; empty: derived or none.
    std::string_view default_phrase;  // Said where there is no default value.
    std::int64_t minimum;             // Of number, inclusive; unused for text.
    std::int64_t maximum;             // Likewise; kNoMaximum.
    std::string_view choices;         // "auto|uring|threads"
    std::string_view sentence;
    void (*store)(NodeOptions& options, const KeyValue& value);  // Null for listener.*.
};

// In the order in which they are shown.
[[nodiscard]] std::span<const ConfigKey> config_keys();

// Null when there is no such key. "listener.client.bind" finds "listener.*.bind".
[[nodiscard]] const ConfigKey* find_key(std::string_view name);

// "client" of "listener.client.bind"; empty for every other key.
[[nodiscard]] std::string_view listener_of(std::string_view name);

}  // namespace millrace::broker
