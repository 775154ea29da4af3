// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Requests of one shard, counted by API.
//
// Thread:      its shard's.
#pragma once

#include "broker/base/shard_sample.h"
#include "broker/request/api_table.h"
#include "schemas/wire/errors.h"

#include <array>
#include <cstdint>
#include <iterator>
#include <vector>

namespace millrace::broker {

struct ApiCounters {
    std::uint64_t answered = 0;
    std::uint64_t refused = 0;
    std::uint64_t request_bytes = 0;
    std::uint64_t response_bytes = 0;
    engine::DurationHistogram total;
    engine::DurationHistogram log;
    std::array<std::uint64_t, std::size(wire::kErrorRows)> errors{};  // In the table's order.

    void count_error(wire::ErrorCode code) noexcept;
};

class RequestCounters {
public:
    // A number that is no API's counts with all others of that kind.
    [[nodiscard]] ApiCounters& of(std::uint16_t api) noexcept;

    void sample(std::vector<ApiSample>& samples) const;

private:
    std::array<ApiCounters, kApiCount + 1> apis_;  // In the table's order, then the unknown ones.
};

}  // namespace millrace::broker
