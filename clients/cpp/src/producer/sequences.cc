// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "producer/sequences.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace millrace::detail {

namespace {

// Far below the time after which a broker forgets a producer.
constexpr engine::MonotonicTime kKnownFor = std::chrono::minutes(10);

// Of two distances around the circle the shorter one counts.
bool is_before(std::int32_t left, std::int32_t right) noexcept {
    return left != right &&
           sequence_after(right, -left) < std::numeric_limits<std::int32_t>::max() / 2;
}

}  // namespace

void Sequences::stamp(PendingBatch& batch, std::int64_t producer_id) noexcept {
    if (batch.stamped() && !is_void(batch.stamp)) return;
    if (producer_id_ < 0) producer_id_ = producer_id;
    batch.set_stamp({producer_id_, epoch_, next_});
    next_ = sequence_after(next_, batch.builder.record_count());
}

std::uint32_t Sequences::in_flight_max(std::uint32_t wanted,
                                       engine::MonotonicTime now) const noexcept {
    const bool known = acknowledged_at_.count() != 0 && now - acknowledged_at_ < kKnownFor;
    return known ? wanted : 1;
}

bool Sequences::waits_for_old_ones() const noexcept {
    return std::ranges::any_of(on_their_way_,
                               [this](const auto* batch) { return is_void(batch->stamp); });
}

void Sequences::came_back(const PendingBatch& batch) noexcept {
    std::erase(on_their_way_, &batch);
}

void Sequences::failed(const PendingBatch& batch) noexcept {
    if (!batch.stamped() || is_void(batch.stamp)) return;
    const auto base = batch.stamp.base_sequence;
    const bool is_last = sequence_after(base, batch.builder.record_count()) == next_;
    if (batch.number_unused && is_last) {
        next_ = base;
    } else {
        gap_ = true;
    }
}

SequenceRemedy Sequences::refused(const PendingBatch& batch,
                                  ErrorCode code,
                                  const PendingBatch* waiting) noexcept {
    if (is_void(batch.stamp)) return SequenceRemedy::send_again;
    if (code == ErrorCode::duplicate_sequence && batch.uncertain) return SequenceRemedy::stored;
    if (code != ErrorCode::out_of_order_sequence) return SequenceRemedy::fail;
    const auto is_earlier = [&](const PendingBatch* other) {
        return other->stamped() && !is_void(other->stamp) &&
               is_before(other->stamp.base_sequence, batch.stamp.base_sequence);
    };
    const bool waits_for_others = (waiting != nullptr && is_earlier(waiting)) ||
                                  std::ranges::any_of(on_their_way_, is_earlier);
    if (waits_for_others) return SequenceRemedy::send_again;
    if (!gap_) return SequenceRemedy::fail;
    begin_epoch();
    return SequenceRemedy::send_again;
}

void Sequences::begin_epoch() noexcept {
    gap_ = false;
    next_ = 0;
    acknowledged_at_ = {};
    if (epoch_ < std::numeric_limits<std::int16_t>::max()) {
        ++epoch_;
        return;
    }
    producer_id_ = -1;  // Used up: the next batch takes a new one.
    epoch_ = 0;
}

}  // namespace millrace::detail
