// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// From positions to offsets, by asking the broker.
#pragma once

#include "core/client_core.h"

#include <string>
#include <vector>

namespace millrace::detail {

struct PlacedQuery {
    std::string topic;  // For messages.
    Uuid id;
    std::uint32_t partition = 0;
    Position position;
};

// One answer per query, in order; errors of single partitions in their rows.
Result<std::vector<OffsetAnswer>> find_positions(ClientCore& core,
                                                 const std::vector<PlacedQuery>& queries);

// The timestamp that asks the broker for this position.
std::int64_t timestamp_for(const Position& position) noexcept;

// Where the position is, given the broker's answer to timestamp_for().
std::int64_t offset_from(const Position& position, const ListedRow& row) noexcept;

// Of a topic or partition that was there a moment ago: a broker that has not heard of it yet, or
// not yet of its successor, may know it soon. Wider than is_retryable(), by unknown_topic.
bool may_go_away(ErrorCode code) noexcept;

// Of a whole request: the broker has read it and would say the same again. Not of an answer that
// cannot be read: it says nothing about the request, and the connection is made anew.
bool is_refusal(ErrorCode code) noexcept;

// "orders-3: " and the broker's sentence, or the code's.
Error error_of(const std::string& topic, std::uint32_t partition, const RowError& row);

}  // namespace millrace::detail
