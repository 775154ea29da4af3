// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "millrace/producer.h"

#include "producer/producer_core.h"

#include <utility>

namespace millrace {

Producer::Producer(std::shared_ptr<detail::ProducerCore> core) noexcept : core_(std::move(core)) {}

Producer::Producer(Producer&&) noexcept = default;
Producer& Producer::operator=(Producer&&) noexcept = default;
Producer::~Producer() = default;

Result<Producer> Producer::open(const Client& client, const ProducerOptions& options) {
    if (const auto checked = detail::ProducerCore::check(options); !checked) {
        return checked.error();
    }
    return Producer(std::make_shared<detail::ProducerCore>(client.core_, options));
}

Result<void> Producer::send(const Record& record, Callback callback) {
    return core_->send(record, std::move(callback));
}

std::future<Result<Ack>> Producer::send(const Record& record) {
    const auto promise = std::make_shared<std::promise<Result<Ack>>>();
    auto future = promise->get_future();
    const auto queued =
            core_->send(record, [promise](const Result<Ack>& ack) { promise->set_value(ack); });
    if (!queued) promise->set_value(queued.error());
    return future;
}

Result<void> Producer::append_at(const std::string& topic,
                                 std::uint32_t partition,
                                 std::int64_t expected_offset,
                                 const std::vector<Record>& records,
                                 Callback callback) {
    return core_->append_at(topic, partition, expected_offset, records, std::move(callback));
}

Result<Ack> Producer::append_at(const std::string& topic,
                                std::uint32_t partition,
                                std::int64_t expected_offset,
                                const std::vector<Record>& records) {
    // Shared: the I/O thread is not done with it when the wait is over.
    const auto promise = std::make_shared<std::promise<Result<Ack>>>();
    auto appended = promise->get_future();
    // Never waited for on the thread that would fulfil it.
    if (core_->on_io_thread()) {
        return Error{ErrorCode::invalid_argument, "append_at() was called on the I/O thread."};
    }
    const auto queued = core_->append_at(
            topic, partition, expected_offset, records, [promise](const Result<Ack>& ack) {
                promise->set_value(ack);
            });
    if (!queued) return queued.error();
    return appended.get();
}

Result<std::vector<Ack>> Producer::append_atomic(const std::vector<Record>& records,
                                                 const std::vector<ExpectedOffset>& expected) {
    return core_->append_atomic(records, expected);
}

Result<void> Producer::flush(std::chrono::milliseconds timeout) {
    return core_->flush(timeout);
}

Result<void> Producer::close(std::chrono::milliseconds timeout) {
    return core_->close(timeout);
}

ProducerStatistics Producer::statistics() const {
    return core_->statistics();
}

}  // namespace millrace
