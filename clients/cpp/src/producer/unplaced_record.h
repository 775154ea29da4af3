// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A record that owns its bytes.
#pragma once

#include "producer/accumulator.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace millrace::detail {

struct UnplacedRecord {
    UnplacedRecord(const NewRecord& record, Delivery delivery);

    // Borrows from this.
    [[nodiscard]] NewRecord view(std::vector<engine::HeaderView>& headers) const;

    std::optional<std::string> key;
    std::optional<std::string> value;
    std::vector<std::pair<std::string, std::optional<std::string>>> header_list;
    std::optional<std::uint32_t> partition;
    std::int64_t timestamp = -1;
    std::size_t cost = 0;
    Delivery delivery;
    engine::MonotonicTime deadline{0};
    std::uint64_t flush_epoch = 0;
};

}  // namespace millrace::detail
