// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// A record batch from its first record to its acknowledgement.
#pragma once

#include "engine/clock.h"
#include "engine/format/batch_builder.h"
#include "millrace/producer.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace millrace::detail {

// Who hears of a record.
struct Delivery {
    Producer::Callback callback;
    std::int64_t timestamp_ms = -1;
};

struct PendingBatch {
    // The batch as bytes, valid until clear() or set_stamp(). Errors: unsupported_batch (the codec
    // failed).
    Result<engine::Bytes> encode(Compression compression);

    // Upper bound of what encode() will give.
    [[nodiscard]] std::size_t encoded_bytes_max(Compression compression) const noexcept;

    // From now on it bears this.
    void set_stamp(const engine::ProducerStamp& its_stamp) noexcept;

    [[nodiscard]] bool stamped() const noexcept { return stamp.id >= 0; }

    // Never to be sent in two halves.
    [[nodiscard]] bool conditional() const noexcept { return expected_offset >= 0; }

    // Fit for another first record; memory is kept.
    void clear() noexcept;

    engine::BatchBuilder builder;
    std::vector<Delivery> deliveries;   // One for each record.
    engine::ProducerStamp stamp;        // Given when it is sent first.
    std::int64_t expected_offset = -1;  // Where the partition must end; it is one piece then.
    std::size_t cost = 0;               // Of ProducerOptions::buffer_bytes.
    std::uint64_t sequence = 0;         // In order of making.
    std::uint64_t flush_epoch = 0;
    engine::MonotonicTime created{0};  // When its first record came.
    engine::MonotonicTime deadline{0};
    engine::MonotonicTime not_before{0};  // Back-off.
    std::uint32_t tries = 0;
    bool full = false;           // Takes no record any more.
    bool uncertain = false;      // A try of it ended without an answer: it may be stored.
    bool number_unused = false;  // It was refused where its number would have been right.
    Error last_error;
    engine::Bytes encoded;  // Empty before encode().
};

// The records of a batch as two batches, in order, with its deadline. Requires: two records or
// more; `batch` has none afterwards.
std::pair<std::unique_ptr<PendingBatch>, std::unique_ptr<PendingBatch>> split(PendingBatch& batch);

}  // namespace millrace::detail
