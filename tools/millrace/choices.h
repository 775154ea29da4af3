// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Words of which one is to be chosen, and what each means.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::cli {

// In the order in which they are told. A word that begins with "-" is understood, not told.
template <class Value>
using Choices = std::vector<std::pair<std::string, Value>>;

template <class Value>
[[nodiscard]] std::optional<Value> chosen(const Choices<Value>& choices, std::string_view word) {
    for (const auto& [name, value] : choices) {
        if (name == word) return value;
    }
    return std::nullopt;
}

template <class Value>
[[nodiscard]] std::string name_of(const Choices<Value>& choices, Value wanted) {
    for (const auto& [name, value] : choices) {
        if (value == wanted) return name;
    }
    return {};
}

template <class Value>
[[nodiscard]] std::vector<std::string> names_of(const Choices<Value>& choices) {
    std::vector<std::string> names;
    for (const auto& [name, value] : choices) {
        if (!name.starts_with('-')) names.push_back(name);
    }
    return names;
}

// "none, gzip or zstd"
[[nodiscard]] std::string listed_or(const std::vector<std::string>& words);

}  // namespace millrace::cli
