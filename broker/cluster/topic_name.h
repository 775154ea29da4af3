// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::broker {

inline constexpr std::size_t kTopicNameBytesMax = 249;

// The folder of the metadata log, and so not a topic's name.
inline constexpr std::string_view kMetadataTopicName = "__millrace_metadata";

// Kafka's rules: 1 to 249 of letters, digits, '.', '_' and '-', neither "." nor "..".
// Returns what is wrong with the name, in a sentence; empty: nothing.
[[nodiscard]] std::string topic_name_problem(std::string_view name);

// '.' and '_' become one character in the names of metrics: two topics whose names differ only in
// them share one.
[[nodiscard]] bool names_collide(std::string_view one, std::string_view other);

// "orders-3": the folder of a partition, below topics/.
[[nodiscard]] std::string partition_directory(std::string_view topic, std::uint32_t partition);

}  // namespace millrace::broker
