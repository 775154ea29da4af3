// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Batches as idempotent producers send them.
#pragma once

#include "engine/format/batch_builder.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::testing {

struct Sent {
    std::int64_t producer = 1;
    std::int32_t sequence = 0;
    std::int32_t records = 1;
    std::int16_t epoch = 0;
    std::string_view value = "v";
    engine::TimestampMs timestamp = 1'700'000'000'000;
};

inline std::vector<std::byte> batch_of(const Sent& sent) {
    engine::BatchBuilder builder;
    for (std::int32_t i = 0; i < sent.records; ++i) {
        builder.append({.timestamp = sent.timestamp,
                        .key = std::nullopt,
                        .value = std::as_bytes(std::span(sent.value)),
                        .headers = {}});
    }
    const auto batch =
            builder.finish(engine::Codec::none, {sent.producer, sent.epoch, sent.sequence});
    return {batch->begin(), batch->end()};
}

}  // namespace millrace::testing
