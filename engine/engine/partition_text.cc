// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/engine/partition_text.h"

#include <fmt/format.h>

#include <iterator>

namespace millrace::engine {

std::string partition_text(const PartitionKey& key) {
    std::string text;
    for (std::size_t index = 0; index < key.topic.bytes.size(); ++index) {
        if (index == 4 || index == 6 || index == 8 || index == 10) text += '-';
        fmt::format_to(std::back_inserter(text), "{:02x}", key.topic.bytes[index]);
    }
    fmt::format_to(std::back_inserter(text), "/{}", key.partition);
    return text;
}

}  // namespace millrace::engine
