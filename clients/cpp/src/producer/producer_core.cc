// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "producer/producer_core.h"

#include "core/timeout.h"
#include "producer/atomic_append.h"
#include "producer/record_parts.h"

#include <chrono>
#include <utility>

namespace millrace::detail {

namespace {

ProducerOptions with_bounded_times(ProducerOptions options) {
    options.linger = bounded(options.linger);
    options.delivery_timeout = bounded(options.delivery_timeout);
    options.retry_delay_max = bounded(options.retry_delay_max);
    options.retry_delay_min = bounded(options.retry_delay_min);
    return options;
}

constexpr std::chrono::milliseconds kDefaultCloseTimeout = std::chrono::minutes(5);
constexpr std::size_t kRecordOverheadBytes = 96;  // Delivery, timestamp, framing.
constexpr std::size_t kHeaderOverheadBytes = 16;
// What one request can carry at all, with its header and table.
constexpr std::size_t kRecordBytesMax = wire::kFrameBytesCap - (64U << 10);

std::size_t cost_of(const Record& record) {
    auto cost = kRecordOverheadBytes + (record.key ? record.key->size() : 0) +
                (record.value ? record.value->size() : 0);
    for (const auto& header : record.headers) {
        cost += kHeaderOverheadBytes + header.key.size() +
                (header.value ? header.value->size() : 0);
    }
    return cost;
}

Error invalid(const char* what) {
    return {ErrorCode::invalid_argument, what};
}

}  // namespace

Result<void> ProducerCore::check(const ProducerOptions& options) {
    using std::chrono::microseconds;
    if (options.batch_bytes == 0)
        return invalid("ProducerOptions::batch_bytes must be above zero.");
    if (options.linger < microseconds(0)) {
        return invalid("ProducerOptions::linger must not be below zero.");
    }
    if (options.delivery_timeout <= microseconds(0)) {
        return invalid("ProducerOptions::delivery_timeout must be above zero.");
    }
    if (options.retry_delay_min <= microseconds(0) ||
        options.retry_delay_max < options.retry_delay_min) {
        return invalid(
                "ProducerOptions::retry_delay_min must be above zero and not above "
                "retry_delay_max.");
    }
    if (options.buffer_bytes == 0) {
        return invalid("ProducerOptions::buffer_bytes must be above zero.");
    }
    if (options.in_flight_per_partition == 0) {
        return invalid("ProducerOptions::in_flight_per_partition must be above zero.");
    }
    constexpr std::uint32_t kNumberedInFlightMax = 5;  // A broker knows so many again.
    if (options.idempotent && options.in_flight_per_partition > kNumberedInFlightMax) {
        return invalid(
                "ProducerOptions::in_flight_per_partition must not be above 5 while idempotent.");
    }
    if (options.requests_in_flight == 0) {
        return invalid("ProducerOptions::requests_in_flight must be above zero.");
    }
    if (options.compression > Compression::zstd) {
        return invalid("ProducerOptions::compression is not a codec.");
    }
    return {};
}

ProducerCore::ProducerCore(std::shared_ptr<ClientCore> client, const ProducerOptions& options)
        : client_(std::move(client)),
          state_(std::make_shared<ProducerState>(client_->loop(),
                                                 client_->control(),
                                                 client_->link_options(),
                                                 client_->options().request_timeout,
                                                 with_bounded_times(options))),
          buffer_bytes_(options.buffer_bytes),
          acks_(options.acks),
          compression_(options.compression) {
    client_->loop()->post([state = state_] { state->open(); });
}

ProducerCore::~ProducerCore() {
    static_cast<void>(close(kDefaultCloseTimeout));
}

Result<void> ProducerCore::check(const Record& record, std::size_t cost) const {
    if (record.topic.empty()) return invalid("Record::topic is empty.");
    if (record.timestamp_ms && *record.timestamp_ms < 0) {
        return invalid("Record::timestamp_ms is below zero.");
    }
    const auto limit = std::min(buffer_bytes_, kRecordBytesMax);
    if (cost > limit) {
        return Error{
                ErrorCode::message_too_large,
                std::string(record.topic) + ": a record of " + std::to_string(cost) +
                        " bytes with its overhead is larger than " +
                        (limit == buffer_bytes_ ? "buffer_bytes (" : "the protocol carries (") +
                        std::to_string(limit) + ")."};
    }
    return {};
}

Result<void> ProducerCore::send(const Record& record, Producer::Callback callback) {
    const auto cost = cost_of(record);
    if (auto checked = check(record, cost); !checked) return checked;
    const auto headers = headers_of(record);
    const NewRecord record_in{
            .parts = parts_of(record, headers), .partition = record.partition, .cost = cost};
    return state_->add(record.topic, record_in, std::move(callback));
}

Result<void> ProducerCore::append_at(const std::string& topic,
                                     std::uint32_t partition,
                                     std::int64_t expected_offset,
                                     const std::vector<Record>& records,
                                     Producer::Callback callback) {
    if (acks_ == Acks::none) return invalid("A conditional append needs an answer: not acks 0.");
    if (expected_offset < 0) return invalid("The expected offset is below zero.");
    if (records.empty()) return invalid("A conditional append has no records.");
    std::vector<std::vector<engine::HeaderView>> headers(records.size());
    std::vector<NewRecord> batch;
    std::size_t cost = 0;
    for (std::size_t i = 0; i < records.size(); ++i) {
        auto record = records[i];
        if (record.topic.empty()) record.topic = topic;
        if (record.topic != topic || record.partition.value_or(partition) != partition) {
            return invalid("A record of a conditional append names another partition.");
        }
        const auto record_cost = cost_of(record);
        cost += record_cost;
        if (auto checked = check(record, cost); !checked) return checked;
        headers[i] = headers_of(record);
        batch.push_back({.parts = parts_of(records[i], headers[i]),
                         .partition = partition,
                         .cost = record_cost});
    }
    return state_->add_conditional(topic, partition, expected_offset, batch, std::move(callback));
}

Result<std::vector<Ack>> ProducerCore::append_atomic(const std::vector<Record>& records,
                                                     const std::vector<ExpectedOffset>& expected) {
    for (const auto& record : records) {
        if (auto checked = check(record, cost_of(record)); !checked) return checked.error();
    }
    return detail::append_atomic(*client_, compression_, records, expected);
}

Result<void> ProducerCore::flush(std::chrono::milliseconds timeout) {
    return state_->flush(timeout);
}

Result<void> ProducerCore::close(std::chrono::milliseconds timeout) {
    if (!state_->begin_close()) return {};
    // On the I/O thread nothing can be waited for: what is left fails at once.
    auto flushed = state_->flush(timeout);
    client_->loop()->post([state = state_] { state->shutdown(); });
    if (!client_->loop()->on_thread()) state_->wait_until_empty();
    return flushed;
}

}  // namespace millrace::detail
