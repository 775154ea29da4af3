// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "producer/accumulator.h"

#include "engine/assert.h"
#include "producer/unplaced_record.h"

#include <algorithm>
#include <utility>

namespace millrace::detail {

namespace {

constexpr std::size_t kFreeBytesMax = 16U << 20;

}  // namespace

TopicQueues::TopicQueues() = default;
TopicQueues::~TopicQueues() = default;

Accumulator::Accumulator(const ProducerOptions& options, std::uint64_t seed)
        : options_(options), choice_(seed) {}

Accumulator::~Accumulator() = default;

TopicQueues* Accumulator::find(std::string_view topic) noexcept {
    const auto found = topics_.find(topic);
    return found == topics_.end() ? nullptr : found->second.get();
}

TopicQueues& Accumulator::topic_of(std::string_view name) {
    if (auto* topic = find(name); topic != nullptr) return *topic;
    auto created = std::make_unique<TopicQueues>();
    created->name = name;
    created->batch_bytes_max = options_.batch_bytes;
    return *topics_.emplace(std::string(name), std::move(created)).first->second;
}

bool Accumulator::add(std::string_view name,
                      const NewRecord& record,
                      Delivery delivery,
                      engine::MonotonicTime now) {
    auto& topic = topic_of(name);
    ++unsettled_[epoch_];
    const auto deadline = now + options_.delivery_timeout;
    const bool beyond = record.partition && *record.partition >= topic.partition_count;
    // Behind records that wait for their partition the order is kept by waiting too.
    if (!topic.known || beyond || !topic.unplaced.empty()) {
        auto& unplaced = topic.unplaced.emplace_back(record, std::move(delivery));
        unplaced.deadline = deadline;
        unplaced.flush_epoch = epoch_;
        if (!topic.wanted) want_metadata(topic, now);
        return topic.unplaced.size() == 1;
    }
    return place(topic, record, std::move(delivery), now, deadline, epoch_);
}

bool Accumulator::add_conditional(std::string_view name,
                                  std::uint32_t partition,
                                  std::int64_t expected_offset,
                                  std::span<const NewRecord> records,
                                  Delivery delivery,
                                  engine::MonotonicTime now) {
    auto& topic = topic_of(name);
    unsettled_[epoch_] += records.size();
    auto batch = new_batch();
    batch->sequence = next_sequence_++;
    batch->flush_epoch = epoch_;
    batch->created = now;
    batch->deadline = now + options_.delivery_timeout;
    batch->expected_offset = expected_offset;
    batch->full = true;
    for (const auto& record : records) {
        batch->builder.append(record.parts);
        batch->deliveries.push_back({nullptr, record.parts.timestamp});
        batch->cost += record.cost;
    }
    batch->deliveries.front().callback = std::move(delivery.callback);
    if (!topic.known || partition >= topic.partition_count || !topic.unplaced.empty()) {
        topic.unplaced.emplace_back(partition, std::move(batch));
        if (!topic.wanted) want_metadata(topic, now);
        return topic.unplaced.size() == 1;
    }
    place_batch(*topic.partitions[partition], std::move(batch));
    return true;
}

void Accumulator::place_batch(PartitionQueue& queue, std::unique_ptr<PendingBatch> batch) {
    if (!queue.batches.empty()) queue.batches.back()->full = true;
    queue.batches.push_back(std::move(batch));
    list(queue);
}

std::uint32_t Accumulator::choose(TopicQueues& topic,
                                  const NewRecord& record,
                                  std::uint64_t epoch) {
    if (record.partition) return *record.partition;
    if (record.parts.key) return partition_of_key(*record.parts.key, topic.partition_count);
    if (topic.sticky < topic.partition_count) {
        const auto& batches = topic.partitions[topic.sticky]->batches;
        if (!batches.empty()) {
            const auto& open = *batches.back();
            if (!open.full && open.flush_epoch == epoch &&
                open.builder.size_with(record.parts) <= topic.batch_bytes_max) {
                return topic.sticky;
            }
        }
    }
    topic.sticky = choice_.next(topic.sticky, topic.partition_count);
    return topic.sticky;
}

bool Accumulator::place(TopicQueues& topic,
                        const NewRecord& record,
                        Delivery delivery,
                        engine::MonotonicTime now,
                        engine::MonotonicTime deadline,
                        std::uint64_t epoch) {
    auto& queue = *topic.partitions[choose(topic, record, epoch)];
    bool changed = false;
    auto* batch = queue.batches.empty() ? nullptr : queue.batches.back().get();
    if (batch != nullptr && !batch->full &&
        (batch->flush_epoch != epoch ||
         batch->builder.size_with(record.parts) > topic.batch_bytes_max)) {
        batch->full = true;
    }
    if (batch == nullptr || batch->full) {
        auto fresh = new_batch();
        fresh->sequence = next_sequence_++;
        fresh->flush_epoch = epoch;
        fresh->created = now;
        fresh->deadline = deadline;
        batch = fresh.get();
        queue.batches.push_back(std::move(fresh));
        list(queue);
        changed = true;
    }
    batch->builder.append(record.parts);
    delivery.timestamp_ms = record.parts.timestamp;
    batch->deliveries.push_back(std::move(delivery));
    batch->cost += record.cost;
    if (batch->builder.size() >= topic.batch_bytes_max) {
        batch->full = true;
        changed = true;
    }
    return changed;
}

void Accumulator::list(PartitionQueue& queue) {
    if (queue.listed) return;
    queue.listed = true;
    listed_.push_back(&queue);
}

void Accumulator::unlist_empty() noexcept {
    std::erase_if(listed_, [](PartitionQueue* queue) {
        if (!queue->batches.empty()) return false;
        queue->listed = false;
        return true;
    });
}

bool Accumulator::may_go(const PartitionQueue& queue, engine::MonotonicTime now) const {
    if (!queue.topic->known || queue.batches.empty()) return false;
    if (queue.batches.front()->not_before > now || lacks_producer_id(queue)) return false;
    if (!numbers_) return queue.in_flight < options_.in_flight_per_partition;
    const auto& sequences = queue.sequences;
    return queue.in_flight < sequences.in_flight_max(options_.in_flight_per_partition, now) &&
           !sequences.waits_for_old_ones();
}

bool Accumulator::wants_producer_id() const noexcept {
    return std::ranges::any_of(listed_, [this](const auto* queue) {
        return queue->topic->known && lacks_producer_id(*queue);
    });
}

SequenceRemedy Accumulator::number_refused(PartitionQueue& queue,
                                           const PendingBatch& batch,
                                           ErrorCode code) noexcept {
    const auto* waiting = queue.batches.empty() ? nullptr : queue.batches.front().get();
    const auto remedy = queue.sequences.refused(batch, code, waiting);
    // The last epoch of the id is used up.
    if (!queue.sequences.has_producer()) producer_id_ = -1;
    return remedy;
}

engine::MonotonicTime Accumulator::ready_at(const PartitionQueue& queue) const {
    const auto& front = *queue.batches.front();
    const bool at_once =
            front.full || front.tries > 0 || front.flush_epoch < epoch_ || queue.batches.size() > 1;
    if (at_once) return front.not_before;
    return std::max(front.not_before, front.created + options_.linger);
}

std::vector<TakenBatch> Accumulator::take(engine::MonotonicTime now,
                                          const TakeLimits& limits,
                                          std::vector<TakenBatch>& too_large) {
    std::vector<TakenBatch> taken;
    const auto must_go = [&](const PartitionQueue* queue) {
        return may_go(*queue, now) && ready_at(*queue) <= now;
    };
    if (std::ranges::none_of(listed_, must_go)) return taken;
    std::vector<PartitionQueue*> kept;
    std::vector<PartitionQueue*> served;
    std::size_t bytes = 0;
    ++takes_;
    // Those that must go first, then their neighbours, which cost nothing more.
    for (const bool neighbours : {false, true}) {
        for (auto* queue : listed_) {
            if (queue->taken_at == takes_ || !may_go(*queue, now)) continue;
            if (must_go(queue) == neighbours) continue;
            if (taken.size() == limits.batches) break;
            const auto size = queue->batches.front()->encoded_bytes_max(options_.compression);
            const bool fits =
                    bytes + size <= limits.room && (taken.empty() || bytes + size <= limits.target);
            if (!fits && size <= limits.request_max) continue;
            auto& to = fits ? taken : too_large;
            queue->taken_at = takes_;
            to.push_back({queue, std::move(queue->batches.front())});
            to.back().batch->full = true;
            queue->batches.pop_front();
            ++queue->in_flight;
            if (numbers_) queue->sequences.stamp(*to.back().batch, producer_id_);
            queue->sequences.sent(*to.back().batch);
            if (fits) bytes += size;
        }
    }
    for (auto* queue : listed_)
        (queue->in_flight > 0 ? served : kept).push_back(queue);
    listed_ = std::move(kept);
    listed_.insert(listed_.end(), served.begin(), served.end());
    unlist_empty();
    return taken;
}

void Accumulator::insert_by_age(PartitionQueue& queue, std::unique_ptr<PendingBatch> batch) {
    // Halves of a batch share its number: the one that comes back is the older one.
    const auto younger = std::ranges::find_if(
            queue.batches, [&](const auto& other) { return other->sequence >= batch->sequence; });
    queue.batches.insert(younger, std::move(batch));
    list(queue);
}

void Accumulator::came_back(PartitionQueue& queue, const PendingBatch& batch) noexcept {
    --queue.in_flight;
    queue.sequences.came_back(batch);
}

void Accumulator::give_back(PartitionQueue& queue, std::unique_ptr<PendingBatch> batch) {
    came_back(queue, *batch);
    insert_by_age(queue, std::move(batch));
}

void Accumulator::give_back_split(PartitionQueue& queue, std::unique_ptr<PendingBatch> batch) {
    came_back(queue, *batch);
    // What comes later need not be refused first.
    auto& limit = queue.topic->batch_bytes_max;
    limit = std::min(limit, std::max<std::size_t>(batch->builder.size() / 2, 1024));
    auto [first, second] = split(*batch);
    insert_by_age(queue, std::move(second));
    insert_by_age(queue, std::move(first));
    recycle(std::move(batch));
}

void Accumulator::finished(PartitionQueue& queue,
                           const PendingBatch& batch,
                           bool stored,
                           engine::MonotonicTime now) noexcept {
    came_back(queue, batch);
    if (stored) {
        queue.sequences.acknowledged(now);
    } else {
        queue.sequences.failed(batch);
    }
}

std::unique_ptr<PendingBatch> Accumulator::new_batch() {
    if (free_.empty()) return std::make_unique<PendingBatch>();
    auto batch = std::move(free_.back());
    free_.pop_back();
    return batch;
}

void Accumulator::recycle(std::unique_ptr<PendingBatch> batch) noexcept {
    const auto free_max =
            std::clamp<std::size_t>(kFreeBytesMax / std::max(options_.batch_bytes, 1U), 4, 1024);
    if (free_.size() >= free_max) return;
    batch->clear();
    free_.push_back(std::move(batch));
}

std::uint64_t Accumulator::begin_flush() noexcept {
    return epoch_++;
}

bool Accumulator::flushed(std::uint64_t epoch) const noexcept {
    return unsettled_.empty() || unsettled_.begin()->first > epoch;
}

void Accumulator::settle(std::uint64_t epoch, std::uint64_t records) noexcept {
    const auto found = unsettled_.find(epoch);
    ASSERT(found != unsettled_.end() && found->second >= records);
    found->second -= records;
    if (found->second == 0) unsettled_.erase(found);
}

engine::MonotonicTime Accumulator::next_event(engine::MonotonicTime now) const noexcept {
    auto next = engine::MonotonicTime::max();
    for (const auto* queue : listed_) {
        next = std::min(next, queue->batches.front()->deadline);
        if (!queue->topic->known || queue->in_flight >= options_.in_flight_per_partition) continue;
        if (lacks_producer_id(*queue)) continue;
        const auto at = ready_at(*queue);
        // What is ready already waits for the connection, not for time.
        if (at > now) next = std::min(next, at);
    }
    for (const auto& [name, topic] : topics_) {
        if (topic->wanted && !topic->looking_up) next = std::min(next, topic->look_up_at);
        if (!topic->unplaced.empty()) next = std::min(next, topic->unplaced.front().deadline);
    }
    return next;
}

}  // namespace millrace::detail
