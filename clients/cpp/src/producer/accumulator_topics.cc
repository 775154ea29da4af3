// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The part of the accumulator that knows of topics' metadata and of failures.
#include "producer/accumulator.h"
#include "producer/unplaced_record.h"

#include <algorithm>
#include <utility>

namespace millrace::detail {

void Accumulator::want_metadata(TopicQueues& topic, engine::MonotonicTime at) noexcept {
    if (topic.wanted) return;
    topic.wanted = true;
    topic.look_up_at = at;
}

std::vector<TopicQueues*> Accumulator::topics_to_look_up(engine::MonotonicTime now,
                                                         std::size_t count_max) {
    std::vector<TopicQueues*> wanted;
    for (const auto& [name, topic] : topics_) {
        if (wanted.size() == count_max) break;
        if (!topic->wanted || topic->looking_up || topic->look_up_at > now) continue;
        topic->looking_up = true;
        wanted.push_back(topic.get());
    }
    return wanted;
}

void Accumulator::fail_unplaced(TopicQueues& topic,
                                UnplacedRecord record,
                                Error why,
                                std::vector<FailedBatch>& failed) {
    auto batch = std::move(record.batch);
    if (batch == nullptr) {
        batch = new_batch();
        batch->flush_epoch = record.flush_epoch;
        batch->cost = record.cost;
        batch->deliveries.push_back(std::move(record.delivery));
    }
    failed.push_back({topic.name, record.partition.value_or(0), std::move(batch), std::move(why)});
}

void Accumulator::set_topic(TopicQueues& topic,
                            const Uuid& id,
                            std::uint32_t partitions,
                            engine::MonotonicTime now,
                            std::vector<FailedBatch>& failed) {
    if (topic.known && topic.id != id) {
        for (const auto& queue : topic.partitions)
            queue->sequences.forget_acknowledgements();
    }
    topic.known = true;
    topic.id = id;
    topic.partition_count = partitions;
    topic.wanted = false;
    topic.looked_up_at = now;
    topic.missing_since = {};
    while (topic.partitions.size() < partitions) {
        auto queue = std::make_unique<PartitionQueue>();
        queue->topic = &topic;
        queue->partition = static_cast<std::uint32_t>(topic.partitions.size());
        topic.partitions.push_back(std::move(queue));
    }
    std::vector<engine::HeaderView> headers;
    while (!topic.unplaced.empty()) {
        auto record = std::move(topic.unplaced.front());
        topic.unplaced.pop_front();
        if (record.partition && *record.partition >= partitions) {
            Error why{ErrorCode::unknown_partition,
                      topic.name + "-" + std::to_string(*record.partition) + ": the topic has " +
                              std::to_string(partitions) + " partitions."};
            fail_unplaced(topic, std::move(record), std::move(why), failed);
            continue;
        }
        if (record.batch != nullptr) {
            place_batch(*topic.partitions[*record.partition], std::move(record.batch));
            continue;
        }
        auto delivery = std::move(record.delivery);
        const auto view = record.view(headers);
        // Its linger began when it was sent, not now.
        const auto sent_at = record.deadline - options_.delivery_timeout;
        place(topic, view, std::move(delivery), sent_at, record.deadline, record.flush_epoch);
    }
}

void Accumulator::expire(engine::MonotonicTime now, std::vector<FailedBatch>& failed) {
    for (auto* queue : listed_) {
        while (!queue->batches.empty() && queue->batches.front()->deadline <= now) {
            auto batch = std::move(queue->batches.front());
            queue->batches.pop_front();
            queue->sequences.failed(*batch);
            // The last refusal says more than the time-out, unless the batch may be stored.
            auto why = batch->last_error;
            if (why.code == ErrorCode::none && lacks_producer_id(*queue)) why = id_refusal_;
            if (why.message.empty()) why.message = connection_error_.message;
            if (why.code == ErrorCode::none || batch->uncertain) {
                why = {ErrorCode::timed_out,
                       queue->topic->name + "-" + std::to_string(queue->partition) +
                               ": not acknowledged within the delivery timeout" +
                               (why.message.empty() ? "." : "; last: " + why.message)};
            }
            failed.push_back({queue->topic->name, queue->partition, std::move(batch), why});
        }
    }
    unlist_empty();
    for (const auto& [name, topic] : topics_) {
        while (!topic->unplaced.empty() && topic->unplaced.front().deadline <= now) {
            auto record = std::move(topic->unplaced.front());
            topic->unplaced.pop_front();
            Error why{ErrorCode::timed_out,
                      name +
                              ": the broker did not describe the topic within the delivery "
                              "timeout; nothing was sent." +
                              (connection_error_.message.empty()
                                       ? std::string()
                                       : " Last: " + connection_error_.message)};
            fail_unplaced(*topic, std::move(record), std::move(why), failed);
        }
    }
}

void Accumulator::note(const Error& why) {
    connection_error_ = why;
}

void Accumulator::fail_topic(TopicQueues& topic,
                             const Error& why,
                             std::vector<FailedBatch>& failed) {
    for (const auto& queue : topic.partitions) {
        while (!queue->batches.empty()) {
            auto batch = std::move(queue->batches.front());
            queue->batches.pop_front();
            queue->sequences.failed(*batch);
            failed.push_back({topic.name, queue->partition, std::move(batch), why});
        }
    }
    while (!topic.unplaced.empty()) {
        auto record = std::move(topic.unplaced.front());
        topic.unplaced.pop_front();
        fail_unplaced(topic, std::move(record), why, failed);
    }
    unlist_empty();
    topic.wanted = false;
    topic.missing_since = {};
}

void Accumulator::fail_all(const Error& why, std::vector<FailedBatch>& failed) {
    for (const auto& [name, topic] : topics_)
        fail_topic(*topic, why, failed);
}

}  // namespace millrace::detail
