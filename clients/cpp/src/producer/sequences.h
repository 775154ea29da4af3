// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The numbers that an idempotent producer gives the batches of one partition.
//
// A batch that failed for good leaves a gap, behind which the broker takes nothing more of this
// epoch; then the next epoch begins with 0. Epochs are of a partition, as the broker's knowledge
// is.
#pragma once

#include "engine/clock.h"
#include "engine/format/batch_builder.h"
#include "producer/pending_batch.h"

#include <cstdint>
#include <vector>

namespace millrace::detail {

// Sequences go on with 0 behind 2^31 - 1.
constexpr std::int32_t sequence_after(std::int32_t sequence, std::int32_t count) noexcept {
    return static_cast<std::int32_t>(
            (static_cast<std::uint32_t>(sequence) + static_cast<std::uint32_t>(count)) &
            0x7fffffffU);
}

// What to do with a batch that the broker refused for its number.
enum class SequenceRemedy : std::uint8_t {
    send_again,  // As it is, or with a new number.
    stored,      // It was stored by an earlier try.
    fail,
};

// Thread: as the accumulator.
class Sequences {
public:
    // The next number for a batch that has none. `producer_id`: for a partition that has none yet.
    void stamp(PendingBatch& batch, std::int64_t producer_id) noexcept;

    // Batches that may be on their way together: one until the broker is known to know the
    // producer, since it takes any number from one that it does not know.
    [[nodiscard]] std::uint32_t in_flight_max(std::uint32_t wanted,
                                              engine::MonotonicTime now) const noexcept;

    // A batch with a number of an older epoch has not come back yet.
    [[nodiscard]] bool waits_for_old_ones() const noexcept;

    [[nodiscard]] bool has_producer() const noexcept { return producer_id_ >= 0; }

    void sent(const PendingBatch& batch) { on_their_way_.push_back(&batch); }

    void came_back(const PendingBatch& batch) noexcept;

    void acknowledged(engine::MonotonicTime now) noexcept { acknowledged_at_ = now; }

    // A batch with a number ends in failure: those behind it have a gap before them.
    void failed(const PendingBatch& batch) noexcept;

    // The topic is another one of the same name: its partitions know nothing of the producer.
    void forget_acknowledgements() noexcept { acknowledged_at_ = {}; }

    // `batch`, which is on its way still, was answered duplicate_sequence, out_of_order_sequence or
    // invalid_producer_epoch. `waiting`: the first of those that wait to be sent; null: none.
    [[nodiscard]] SequenceRemedy refused(const PendingBatch& batch,
                                         ErrorCode code,
                                         const PendingBatch* waiting) noexcept;

    // Of an older epoch.
    [[nodiscard]] bool is_void(const engine::ProducerStamp& stamp) const noexcept {
        return stamp.id != producer_id_ || stamp.epoch != epoch_;
    }

private:
    void begin_epoch() noexcept;

    std::int64_t producer_id_ = -1;
    std::int16_t epoch_ = 0;
    std::int32_t next_ = 0;
    bool gap_ = false;
    engine::MonotonicTime acknowledged_at_{};  // Zero: never.
    std::vector<const PendingBatch*> on_their_way_;
};

}  // namespace millrace::detail
