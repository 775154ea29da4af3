// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// What the broker remembers of this reader between fetches, so that a fetch says only what changed.
//
// Thread:      one at a time.
#pragma once

#include "codec/messages.h"

#include <array>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace millrace::detail {

using PartitionKey = std::pair<std::array<std::uint8_t, 16>, std::uint32_t>;

class FetchSession {
public:
    // Fills the session's part of a query for exactly these partitions.
    void ask(const std::vector<FetchRow>& wanted, FetchQuery& query);

    // The broker has answered the query of the last ask().
    void answered(const Fetched& fetched) noexcept;

    // The last query got no answer that can be used: the next one names everything and ends the
    // session the broker may still have.
    void reset() noexcept;

private:
    std::uint32_t id_ = 0;          // Zero: none.
    std::uint32_t next_epoch_ = 0;  // Zero: the next fetch is a full one.
    std::map<PartitionKey, FetchRow> known_;
};

}  // namespace millrace::detail
