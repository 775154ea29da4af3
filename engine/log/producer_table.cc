// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/producer_table.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace millrace::engine {

namespace {

constexpr std::uint32_t kSequenceMask = 0x7fffffff;

std::int32_t sequence_after(std::int32_t sequence, std::int32_t steps) noexcept {
    return static_cast<std::int32_t>(
            (static_cast<std::uint32_t>(sequence) + static_cast<std::uint32_t>(steps)) &
            kSequenceMask);
}

// How far `sequence` lies ahead of `expected`: of two distances around the circle the shorter one.
bool is_ahead(std::int32_t sequence, std::int32_t expected) noexcept {
    const auto distance =
            (static_cast<std::uint32_t>(sequence) - static_cast<std::uint32_t>(expected)) &
            kSequenceMask;
    return distance <= kSequenceMask / 2;
}

ProducedBatch produced_by(const BatchView& batch) noexcept {
    return {.first_sequence = batch.base_sequence(),
            .last_delta = batch.last_offset_delta(),
            .base = batch.base_offset(),
            .append_time = batch.log_append_time() ? batch.max_timestamp() : -1};
}

}  // namespace

std::int32_t ProducedBatch::last_sequence() const noexcept {
    return sequence_after(first_sequence, last_delta);
}

void ProducerWindow::push(std::int16_t epoch, const ProducedBatch& batch) noexcept {
    if (epoch != epoch_) count_ = 0;
    epoch_ = epoch;
    if (count_ == batches_.size()) {
        std::move(batches_.begin() + 1, batches_.end(), batches_.begin());
        --count_;
    }
    batches_[count_++] = batch;
}

Result<const ProducedBatch*> ProducerTable::check(const BatchView& batch, TimestampMs now) {
    forget_expired(now);
    const auto* producer = find(batch.producer_id());
    if (producer == nullptr) return nullptr;
    const auto& window = producer->appended;
    if (batch.producer_epoch() < window.epoch()) return failure(Errc::invalid_producer_epoch);
    const auto first = batch.base_sequence();
    if (batch.producer_epoch() > window.epoch()) {
        if (first != 0) return failure(Errc::out_of_order_sequence);
        return nullptr;
    }
    for (std::size_t i = 0; i < window.size(); ++i) {
        const auto& known = window.at(i);
        if (known.first_sequence == first && known.last_delta == batch.last_offset_delta()) {
            return &known;
        }
    }
    const auto expected = sequence_after(window.last().last_sequence(), 1);
    if (first == expected) return nullptr;
    return failure(is_ahead(first, expected) ? Errc::out_of_order_sequence
                                             : Errc::duplicate_sequence);
}

void ProducerTable::appended(const BatchView& batch, TimestampMs now) {
    use(batch.producer_id(), now).appended.push(batch.producer_epoch(), produced_by(batch));
}

void ProducerTable::stored(const BatchView& batch) noexcept {
    auto* producer = find(batch.producer_id());
    if (producer == nullptr) return;
    producer->stored.push(batch.producer_epoch(), produced_by(batch));
}

void ProducerTable::replay(const BatchView& batch, bool is_stored, TimestampMs now) {
    appended(batch, now);
    if (is_stored) stored(batch);
}

void ProducerTable::restore(const std::vector<ProducerSnapshotRow>& rows,
                            bool log_append_time,
                            TimestampMs now) {
    for (const auto& row : rows) {
        auto& producer = use(row.producer_id, std::min(row.timestamp, now));
        const ProducedBatch batch{
                .first_sequence = sequence_after(row.last_sequence, -row.offset_delta),
                .last_delta = row.offset_delta,
                .base = row.last_offset - row.offset_delta,
                .append_time = log_append_time ? row.timestamp : -1};
        producer.appended.push(row.epoch, batch);
        producer.stored.push(row.epoch, batch);
    }
    forget_expired(now);
}

std::vector<ProducerSnapshotRow> ProducerTable::snapshot() const {
    std::vector<ProducerSnapshotRow> rows;
    rows.reserve(producers_.size());
    for (const auto& producer : producers_) {
        const auto& window = producer.stored;
        for (std::size_t i = 0; i < window.size(); ++i) {
            const auto& batch = window.at(i);
            rows.push_back(
                    {.producer_id = producer.id,
                     .epoch = window.epoch(),
                     .last_sequence = batch.last_sequence(),
                     .last_offset = batch.end() - 1,
                     .offset_delta = batch.last_delta,
                     .timestamp = batch.append_time >= 0 ? batch.append_time : producer.used});
        }
    }
    return rows;
}

std::vector<Offset> ProducerTable::last_batches() const {
    std::vector<Offset> bases;
    bases.reserve(producers_.size());
    for (const auto& producer : producers_) {
        if (!producer.appended.empty()) bases.push_back(producer.appended.last().base);
    }
    std::ranges::sort(bases);
    return bases;
}

ProducerTable::Producer* ProducerTable::find(std::int64_t id) noexcept {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &*found->second;
}

// The producer, made when it is not known; nobody was heard of later.
ProducerTable::Producer& ProducerTable::use(std::int64_t id, TimestampMs now) {
    if (!producers_.empty()) now = std::max(now, producers_.back().used);
    if (const auto found = by_id_.find(id); found != by_id_.end()) {
        producers_.splice(producers_.end(), producers_, found->second);
    } else {
        if (producers_.size() == kProducersMax) forget_oldest();
        producers_.emplace_back().id = id;
        by_id_.emplace(id, std::prev(producers_.end()));
    }
    auto& producer = producers_.back();
    producer.used = now;
    return producer;
}

void ProducerTable::forget_expired(TimestampMs now) noexcept {
    while (!producers_.empty() && now - producers_.front().used >= expiration_ms_)
        forget_oldest();
}

void ProducerTable::forget_oldest() noexcept {
    by_id_.erase(producers_.front().id);
    producers_.pop_front();
}

std::uint64_t ProducerTable::memory_bytes() const noexcept {
    // What a node of the list and one of the map take besides.
    constexpr std::uint64_t kNodes = 64;
    return producers_.size() * (sizeof(Producer) + kNodes);
}

}  // namespace millrace::engine
