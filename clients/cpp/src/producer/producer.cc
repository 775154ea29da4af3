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
