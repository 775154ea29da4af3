// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A partition that a consumer reads, and what has arrived of it.
#pragma once

#include "engine/clock.h"
#include "engine/types.h"
#include "millrace/consumer.h"
#include "millrace/types.h"

#include <cstdint>
#include <memory>
#include <string>

namespace millrace::detail {

// Guarded by the consumer's mutex, but for what never changes.
struct AssignedPartition {
    AssignedPartition(TopicPartition where, const Uuid& topic_id)
            : name(std::move(where)), id(topic_id) {}

    const TopicPartition name;  // Records' views of the topic point here.
    const Uuid id;

    std::int64_t position = 0;       // Of the next record poll() returns.
    std::int64_t fetch_offset = 0;   // Behind what has arrived.
    std::int32_t leader_epoch = -1;  // Of the last batch that has arrived.
    std::int64_t high_watermark = -1;
    engine::MonotonicTime not_before{0};     // Back-off after an error.
    engine::MonotonicTime failing_since{0};  // An error that may yet go away.
    Error error;                             // It is not fetched any more; poll() says why.
    bool reported = false;                   // poll() has said it once.
};

// Batches of one partition from one fetch, or the error that stands in their place.
struct FetchedPart {
    std::shared_ptr<AssignedPartition> partition;  // Shared with Records, which show its name.
    std::shared_ptr<const void> memory;            // Shared with Records that view it.
    engine::Bytes batches;
    std::int64_t start_offset = 0;  // Asked for: records below it are skipped.
    Error error;
};

}  // namespace millrace::detail
