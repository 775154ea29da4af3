// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "consumer/consumer_state.h"

#include <algorithm>
#include <utility>

namespace millrace::detail {

ConsumerState::ConsumerState(std::shared_ptr<EventLoop> loop,
                             LinkOptions link_options,
                             std::chrono::milliseconds request_timeout,
                             const ConsumerOptions& options)
        : loop_(std::move(loop)),
          link_options_(std::move(link_options)),
          request_timeout_(request_timeout),
          options_(options) {}

void ConsumerState::post_pump() {
    loop_->post([self = shared_from_this()] { self->pump(); });
}

void ConsumerState::assign(std::vector<std::shared_ptr<AssignedPartition>> partitions) {
    {
        const std::lock_guard lock(mutex_);
        ++generation_;
        refusal_ = {};
        parts_.clear();
        held_bytes_ = 0;
        partitions_.clear();
        by_id_.clear();
        for (auto& partition : partitions) {
            by_id_.emplace(PartitionKey{partition->id.bytes, partition->name.partition}, partition);
            partitions_.emplace(partition->name, std::move(partition));
        }
    }
    post_pump();
}

void ConsumerState::seek(AssignedPartition& partition, std::int64_t offset) {
    {
        const std::lock_guard lock(mutex_);
        ++generation_;
        refusal_ = {};
        drop_parts_of(&partition);
        partition.position = offset;
        partition.fetch_offset = offset;
        partition.leader_epoch = -1;
        partition.error = {};
        partition.reported = false;
        partition.not_before = {};
        partition.failing_since = {};
    }
    post_pump();
}

std::shared_ptr<AssignedPartition> ConsumerState::find(const TopicPartition& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = partitions_.find(name);
    return found == partitions_.end() ? nullptr : found->second;
}

std::vector<TopicPartition> ConsumerState::assignment() const {
    const std::lock_guard lock(mutex_);
    std::vector<TopicPartition> names;
    for (const auto& [name, partition] : partitions_)
        names.push_back(name);
    return names;
}

std::int64_t ConsumerState::position(const AssignedPartition& partition) const {
    const std::lock_guard lock(mutex_);
    return partition.position;
}

std::int64_t ConsumerState::high_watermark(const AssignedPartition& partition) const {
    const std::lock_guard lock(mutex_);
    return partition.high_watermark;
}

Error ConsumerState::last_connection_error() const {
    const std::lock_guard lock(mutex_);
    return connection_error_;
}

void ConsumerState::drop_parts_of(const AssignedPartition* partition) {
    std::erase_if(parts_, [&](const FetchedPart& part) {
        if (part.partition.get() != partition) return false;
        held_bytes_ -= part.batches.size();
        return true;
    });
}

std::optional<FetchedPart> ConsumerState::take_front() {
    if (parts_.empty()) return std::nullopt;
    auto part = std::move(parts_.front());
    parts_.pop_front();
    held_bytes_ -= part.batches.size();
    if (std::exchange(paused_, false)) post_pump();
    return part;
}

std::optional<FetchedPart> ConsumerState::try_take() {
    const std::lock_guard lock(mutex_);
    return take_front();
}

std::optional<FetchedPart> ConsumerState::take(engine::MonotonicTime deadline) {
    std::unique_lock lock(mutex_);
    const auto something = [&] {
        return woken_ || !parts_.empty() || has_error_to_report() ||
               refusal_.code != ErrorCode::none;
    };
    const auto left = std::max(deadline - EventLoop::now(), engine::MonotonicTime(0));
    arrived_.wait_for(lock, left, something);
    if (std::exchange(woken_, false) || has_error_to_report()) return std::nullopt;
    return take_front();
}

void ConsumerState::set_position(AssignedPartition& partition, std::int64_t position) {
    const std::lock_guard lock(mutex_);
    partition.position = position;
}

void ConsumerState::fail(AssignedPartition& partition, const Error& why) {
    const std::lock_guard lock(mutex_);
    drop_parts_of(&partition);
    partition.error = why;
    partition.reported = false;
    // What was dropped may have made room.
    if (std::exchange(paused_, false)) post_pump();
}

bool ConsumerState::has_error_to_report() const {
    return std::ranges::any_of(partitions_, [](const auto& entry) {
        return entry.second->error.code != ErrorCode::none && !entry.second->reported;
    });
}

std::optional<Error> ConsumerState::error_to_report(bool again) {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, partition] : partitions_) {
        if (partition->error.code == ErrorCode::none || (partition->reported && !again)) continue;
        partition->reported = true;
        return partition->error;
    }
    if (again && refusal_.code != ErrorCode::none) return refusal_;
    return std::nullopt;
}

void ConsumerState::wake() noexcept {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    arrived_.notify_all();
}

}  // namespace millrace::detail
