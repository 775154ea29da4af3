// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A record that owns its bytes, or a batch of them.
#pragma once

#include "producer/accumulator.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace millrace::detail {

struct UnplacedRecord {
    UnplacedRecord(const NewRecord& record, Delivery delivery);
    // A whole batch, whose partition is not known to exist.
    UnplacedRecord(std::uint32_t its_partition, std::unique_ptr<PendingBatch> whole);

    // Borrows from this. Requires: it is no batch.
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
    std::unique_ptr<PendingBatch> batch;  // Null: a record, by what stands above.
};

}  // namespace millrace::detail
