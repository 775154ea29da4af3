// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The part of a producer that deals with answers: acknowledgements, retries, failures, metadata.
#include "codec/data.h"
#include "codec/metadata.h"
#include "codec/table.h"
#include "core/positions.h"
#include "producer/producer_calls.h"
#include "producer/producer_state.h"

#include <algorithm>
#include <utility>

namespace millrace::detail {

namespace {

// How long a topic may be missing before its records fail: it may just have been made, and the
// broker that answers may not have heard of it yet.
constexpr engine::MonotonicTime kMissingTopicPatience = std::chrono::seconds(2);
// Metadata older than this are looked up again: topics grow.
constexpr engine::MonotonicTime kMetadataAgeMax = std::chrono::minutes(5);

bool speaks_of_metadata(ErrorCode code) {
    switch (code) {
        case ErrorCode::unknown_topic:
        case ErrorCode::unknown_partition:
        case ErrorCode::topic_deleted:
        case ErrorCode::not_leader:
        case ErrorCode::fenced_leader_epoch:
        case ErrorCode::unknown_leader_epoch:
            return true;
        default:
            return false;
    }
}

bool speaks_of_number(ErrorCode code) {
    return code == ErrorCode::duplicate_sequence || code == ErrorCode::out_of_order_sequence ||
           code == ErrorCode::invalid_producer_epoch;
}

// The request may have been carried out all the same.
bool leaves_unknown(ErrorCode code) {
    return code == ErrorCode::timed_out || code == ErrorCode::disconnected ||
           code == ErrorCode::protocol_violation;
}

}  // namespace

bool ProducerState::try_again(TakenBatch& taken, const Error& error) {
    auto& [queue, batch] = taken;
    auto& topic = *queue->topic;
    const auto now = EventLoop::now();
    if (speaks_of_metadata(error.code)) accumulator_.want_metadata(topic, now);
    const bool one_piece = batch->conditional() || batch->deliveries.size() <= 1;
    if (error.code == ErrorCode::message_too_large && !one_piece) {
        ++statistics_.retries;
        accumulator_.give_back_split(*queue, std::move(batch));
        return true;
    }
    if (shut_ || is_refusal(error.code)) return false;
    // Sent again without a number it might be refused for finding itself.
    const bool unknown = leaves_unknown(error.code) || error.code == ErrorCode::shutting_down ||
                         error.code == ErrorCode::storage_failed;
    if (batch->conditional() && !batch->stamped() && unknown) return false;
    const auto shift = std::min(batch->tries, 16U);
    const auto delay = std::min(options_.retry_delay_min * (1U << shift), options_.retry_delay_max);
    ++batch->tries;
    batch->not_before = now + delay;
    batch->last_error = error;
    if (leaves_unknown(error.code)) batch->uncertain = true;
    ++statistics_.retries;
    accumulator_.give_back(*queue, std::move(batch));
    return true;
}

// True when nothing is left to be told of the batch now.
bool ProducerState::number_refused(TakenBatch& taken, Outcome& outcome) {
    auto& [queue, batch] = taken;
    const auto code = outcome.error.code;
    if (!batch->stamped() || !speaks_of_number(code)) return false;
    switch (accumulator_.number_refused(*queue, *batch, code)) {
        case SequenceRemedy::send_again:
            if (shut_) return false;
            batch->not_before = EventLoop::now() + options_.retry_delay_min;
            batch->last_error = outcome.error;
            ++statistics_.retries;
            accumulator_.give_back(*queue, std::move(batch));
            return true;
        case SequenceRemedy::stored:
            outcome.error = {};
            return false;
        case SequenceRemedy::fail:
            outcome.error.message +=
                    " Nothing of it was stored; the broker's log may have lost "
                    "records that it had acknowledged.";
            return false;
    }
    return false;
}

void ProducerState::sort_out(ProduceCall& call,
                             Result<Response> response,
                             std::vector<Outcome>& outcomes) {
    const bool one_way = call.one_way && response;
    auto rows = one_way    ? Result<std::vector<ProducedRow>>(std::vector<ProducedRow>())
                : response ? decode_produce(*response, call.rows)
                           : Result<std::vector<ProducedRow>>(response.error());
    if (!rows && response && rows.error().code == ErrorCode::protocol_violation) {
        link_->fail(rows.error());
    }
    const auto now = EventLoop::now();
    const std::lock_guard lock(mutex_);
    statistics_.batches += call.batches.size();
    for (std::size_t i = 0; i < call.batches.size(); ++i) {
        auto& taken = call.batches[i];
        auto& topic = *taken.queue->topic;
        if (taken.batch->deliveries.empty()) {  // Its time was up before the answer came.
            const bool stored = rows && (one_way || (*rows)[i].error.code == ErrorCode::none);
            accumulator_.finished(*taken.queue, *taken.batch, stored, now);
            accumulator_.recycle(std::move(taken.batch));
            continue;
        }
        Outcome outcome;
        outcome.topic = topic.name;
        outcome.partition = taken.queue->partition;
        const ProducedRow row = rows && !one_way ? std::move((*rows)[i]) : ProducedRow();
        if (!rows) {
            outcome.error = rows.error();
        } else if (row.error.code != ErrorCode::none) {
            outcome.error = error_of(topic.name, taken.queue->partition, row.error);
        }
        if (number_refused(taken, outcome)) continue;
        if (outcome.error.code != ErrorCode::none && try_again(taken, outcome.error)) continue;
        outcome.base_offset = row.base_offset;
        outcome.append_time = row.append_time;
        outcome.batch = std::move(taken.batch);
        if (outcome.error.code == ErrorCode::none) {
            statistics_.bytes += call.rows[i].payload_bytes;
            if (now - topic.looked_up_at > kMetadataAgeMax) accumulator_.want_metadata(topic, now);
        }
        const bool stored = outcome.error.code == ErrorCode::none;
        outcome.batch->number_unused = outcome.error.code == ErrorCode::unexpected_offset;
        accumulator_.finished(*taken.queue, *outcome.batch, stored, now);
        outcomes.push_back(std::move(outcome));
    }
}

void ProducerState::produced(ProduceCall& call, Result<Response> response) {
    std::erase(in_flight_, &call);
    std::vector<Outcome> outcomes;
    sort_out(call, std::move(response), outcomes);
    tell(std::move(outcomes));
    pump();
}

void ProducerState::tell(std::vector<Outcome> outcomes) {
    if (outcomes.empty()) return;
    Result<Ack> ack{Ack()};
    for (auto& outcome : outcomes) {
        const bool stored = outcome.error.code == ErrorCode::none;
        const Result<Ack> failure(outcome.error);
        if (stored) {
            ack->topic = outcome.topic;
            ack->partition = outcome.partition;
        }
        auto offset = outcome.base_offset;
        for (auto& delivery : outcome.batch->deliveries) {
            if (stored) {
                ack->offset = offset >= 0 ? offset++ : -1;
                ack->timestamp_ms =
                        outcome.append_time >= 0 ? outcome.append_time : delivery.timestamp_ms;
            }
            if (delivery.callback) delivery.callback(stored ? ack : failure);
            delivery.callback = nullptr;  // What it holds ends with it.
        }
    }
    const std::lock_guard lock(mutex_);
    for (auto& outcome : outcomes) {
        const auto records = outcome.batch->deliveries.size();
        const bool stored = outcome.error.code == ErrorCode::none;
        (stored ? statistics_.records_acknowledged : statistics_.records_failed) += records;
        buffered_bytes_ -= outcome.batch->cost;
        accumulator_.settle(outcome.batch->flush_epoch, records);
        accumulator_.recycle(std::move(outcome.batch));
    }
    room_.notify_all();
    settled_.notify_all();
}

void ProducerState::tell_failed(std::span<FailedBatch> failed) {
    std::vector<Outcome> outcomes;
    outcomes.reserve(failed.size());
    for (auto& [topic, partition, batch, why] : failed) {
        Outcome outcome;
        outcome.topic = std::move(topic);
        outcome.partition = partition;
        outcome.batch = std::move(batch);
        outcome.error = std::move(why);
        outcomes.push_back(std::move(outcome));
    }
    tell(std::move(outcomes));
}

void ProducerState::look_up_topics() {
    auto look_up = std::make_unique<TopicLookUp>();
    const auto now = EventLoop::now();
    {
        const std::lock_guard lock(mutex_);
        for (const auto* topic : accumulator_.topics_to_look_up(now, kRequestTablesMax - 1)) {
            look_up->names.push_back(topic->name);
        }
    }
    if (look_up->names.empty()) return;
    look_up->request = encode_metadata(look_up->names);
    look_up->deadline = now + request_timeout_;
    look_up->state = shared_from_this();
    look_up->done = [](Call& ended, Result<Response> outcome) noexcept {
        const std::unique_ptr<TopicLookUp> self(static_cast<TopicLookUp*>(&ended));
        const auto state = self->state;
        state->topics_looked_up(*self, std::move(outcome));
    };
    control_->submit(*look_up.release());
}

void ProducerState::topics_looked_up(TopicLookUp& look_up, Result<Response> response) {
    if (shut_) return;
    auto topics = response ? decode_metadata(*response)
                           : Result<std::vector<TopicMetadata>>(response.error());
    if (topics && topics->size() != look_up.names.size()) {
        topics = malformed_response("another number of topics than the request");
    }
    if (!topics && topics.error().code == ErrorCode::protocol_violation) {
        control_->fail(topics.error());
    }
    const auto now = EventLoop::now();
    std::vector<FailedBatch> failed;
    {
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < look_up.names.size(); ++i) {
            auto& topic = *accumulator_.find(look_up.names[i]);
            topic.looking_up = false;
            topic.look_up_at = now + options_.retry_delay_max;
            if (!topics) continue;
            const auto& found = (*topics)[i];
            if (found.error.code == ErrorCode::none) {
                const auto count = static_cast<std::uint32_t>(found.partitions.size());
                accumulator_.set_topic(topic, found.id, count, now, failed);
                continue;
            }
            if (topic.missing_since.count() == 0) topic.missing_since = now;
            topic.look_up_at = now + options_.retry_delay_min;
            if (!may_go_away(found.error.code) ||
                now - topic.missing_since >= kMissingTopicPatience) {
                auto message = found.error.message.empty()
                                       ? std::string(sentence_of(found.error.code))
                                       : found.error.message;
                const Error why{found.error.code, topic.name + ": " + message};
                accumulator_.fail_topic(topic, why, failed);
            }
        }
    }
    tell_failed(failed);
    pump();
}

}  // namespace millrace::detail
