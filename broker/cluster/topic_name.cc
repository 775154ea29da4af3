// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/topic_name.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::broker {
namespace {

bool is_allowed(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

}  // namespace

std::string topic_name_problem(std::string_view name) {
    if (name.empty()) return "A topic needs a name.";
    if (name == "." || name == "..") return fmt::format("A topic cannot be named '{}'.", name);
    if (name.size() > kTopicNameBytesMax) {
        return fmt::format("The topic's name has {} characters; at most {} are possible.",
                           name.size(),
                           kTopicNameBytesMax);
    }
    if (!std::all_of(name.begin(), name.end(), is_allowed)) {
        return fmt::format(
                "A topic's name may hold letters, digits, '.', '_' and '-': '{}' does not fit.",
                name);
    }
    if (name == kMetadataTopicName) return fmt::format("'{}' is the broker's own.", name);
    return {};
}

bool names_collide(std::string_view one, std::string_view other) {
    const auto seen = [](char c) { return c == '.' ? '_' : c; };
    return one != other && std::ranges::equal(one, other, {}, seen, seen);
}

std::string partition_directory(std::string_view topic, std::uint32_t partition) {
    return fmt::format("{}-{}", topic, partition);
}

}  // namespace millrace::broker
