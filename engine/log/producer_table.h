// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The idempotent producers of one log: of each the last batches, so that one that comes again is
// known and one that is missing is seen. Kafka's rules.
//
// Two windows of each producer: what was appended, which appends are held against, and what of it
// lies in segment files, which a snapshot says. Only the second outlasts a crash that takes the end
// of the write-ahead log.
//
// Thread:      the shard's.
// Memory:      nothing is allocated for a producer that is known. Of more than kProducersMax the
//              one that has been silent longest is forgotten.
#pragma once

#include "engine/format/producer_snapshot.h"
#include "engine/format/record_batch.h"
#include "engine/result.h"
#include "engine/types.h"

#include <array>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

namespace millrace::engine {

// What a batch is to its producer. Sequences go on with 0 behind 2^31 - 1.
struct ProducedBatch {
    std::int32_t first_sequence = 0;
    std::int32_t last_delta = 0;  // Of sequences and offsets alike.
    Offset base;
    TimestampMs append_time = -1;  // LogAppendTime, or -1.

    [[nodiscard]] Offset end() const noexcept { return base + last_delta + 1; }

    [[nodiscard]] std::int32_t last_sequence() const noexcept;
};

// The last batches of one producer in one epoch, in order.
class ProducerWindow {
public:
    void push(std::int16_t epoch, const ProducedBatch& batch) noexcept;

    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

    [[nodiscard]] std::size_t size() const noexcept { return count_; }

    [[nodiscard]] std::int16_t epoch() const noexcept { return epoch_; }

    [[nodiscard]] const ProducedBatch& at(std::size_t index) const noexcept {
        return batches_[index];
    }

    // Requires: not empty.
    [[nodiscard]] const ProducedBatch& last() const noexcept { return batches_[count_ - 1U]; }

private:
    std::array<ProducedBatch, kProducerBatches> batches_;
    std::uint8_t count_ = 0;
    std::int16_t epoch_ = -1;
};

class ProducerTable {
public:
    // A producer that nobody heard of for this long is forgotten.
    explicit ProducerTable(TimestampMs expiration_ms) : expiration_ms_(expiration_ms) {}

    // Null: the batch is the next of its producer, or the producer is not known. Else the batch
    // that it repeats, valid until the table changes. `now` is guarded time, as everywhere here.
    // Errors: duplicate_sequence (it came before, but is none of the last ones),
    // out_of_order_sequence (one is missing), invalid_producer_epoch (a newer one is known).
    [[nodiscard]] Result<const ProducedBatch*> check(const BatchView& batch, TimestampMs now);

    // It was appended and has its offset.
    void appended(const BatchView& batch, TimestampMs now);

    // It lies in a segment file now.
    void stored(const BatchView& batch) noexcept;

    // It is read again, in order, after a restart: from a segment file, or from what has not come
    // there yet.
    void replay(const BatchView& batch, bool is_stored, TimestampMs now);

    // Takes over what a snapshot says. Requires: empty.
    void restore(const std::vector<ProducerSnapshotRow>& rows,
                 bool log_append_time,
                 TimestampMs now);

    // What lies in segment files, the producer silent longest first.
    [[nodiscard]] std::vector<ProducerSnapshotRow> snapshot() const;

    // First offsets of the last batch of each, ascending.
    [[nodiscard]] std::vector<Offset> last_batches() const;

    [[nodiscard]] std::size_t size() const noexcept { return producers_.size(); }

    [[nodiscard]] std::uint64_t memory_bytes() const noexcept;

private:
    struct Producer {
        std::int64_t id = 0;
        TimestampMs used = -1;  // Never falls along the list.
        ProducerWindow appended;
        ProducerWindow stored;
    };

    using Producers = std::list<Producer>;

    [[nodiscard]] Producer* find(std::int64_t id) noexcept;
    Producer& use(std::int64_t id, TimestampMs now);
    void forget_expired(TimestampMs now) noexcept;
    void forget_oldest() noexcept;

    TimestampMs expiration_ms_;
    Producers producers_;  // The one that was silent longest first.
    std::unordered_map<std::int64_t, Producers::iterator> by_id_;
};

}  // namespace millrace::engine
