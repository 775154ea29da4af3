// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "millrace/consumer.h"

#include "consumer/consumer_core.h"

namespace millrace {

namespace {

Error not_assigned(const TopicPartition& partition) {
    return {ErrorCode::not_assigned,
            partition.topic + "-" + std::to_string(partition.partition) +
                    " is not one this consumer reads."};
}

}  // namespace

Consumer::Consumer(std::shared_ptr<detail::ConsumerCore> core) noexcept : core_(std::move(core)) {}

Consumer::Consumer(Consumer&&) noexcept = default;
Consumer& Consumer::operator=(Consumer&&) noexcept = default;
Consumer::~Consumer() = default;

Result<Consumer> Consumer::open(const Client& client, const ConsumerOptions& options) {
    if (const auto checked = detail::ConsumerCore::check(options); !checked) {
        return checked.error();
    }
    return Consumer(std::make_shared<detail::ConsumerCore>(client.core_, options));
}

Result<void> Consumer::assign(const std::vector<Assignment>& assignments) {
    return core_->assign(assignments);
}

Result<void> Consumer::assign_topic(std::string_view topic, Position from) {
    return core_->assign_topic(topic, from);
}

Result<void> Consumer::seek(const TopicPartition& partition, Position to) {
    return core_->seek(partition, to);
}

Result<Records> Consumer::poll(std::chrono::milliseconds timeout) {
    return core_->poll(timeout);
}

void Consumer::wake() noexcept {
    core_->state().wake();
}

Result<std::int64_t> Consumer::position(const TopicPartition& partition) const {
    const auto found = core_->state().find(partition);
    if (!found) return not_assigned(partition);
    return core_->state().position(*found);
}

Result<std::int64_t> Consumer::high_watermark(const TopicPartition& partition) const {
    const auto found = core_->state().find(partition);
    if (!found) return not_assigned(partition);
    return core_->state().high_watermark(*found);
}

std::vector<TopicPartition> Consumer::assignment() const {
    return core_->state().assignment();
}

Error Consumer::last_connection_error() const {
    return core_->state().last_connection_error();
}

}  // namespace millrace
