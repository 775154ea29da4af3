// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "consumer/consumer_core.h"

#include "codec/table.h"
#include "core/positions.h"
#include "core/timeout.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace millrace::detail {

namespace {

constexpr std::uint32_t kFetchBytesMax = 48U << 20;  // Of one answer, with room for its table.

Error invalid(std::string what) {
    return {ErrorCode::invalid_argument, std::move(what)};
}

Error unknown_partition(const TopicPartition& name, std::size_t count) {
    return {ErrorCode::unknown_partition,
            name.topic + "-" + std::to_string(name.partition) + ": the topic has " +
                    std::to_string(count) + " partitions."};
}

Result<std::int64_t> known_offset(const Position& position) {
    if (position.value() < 0) return invalid("An offset is not below zero.");
    return position.value();
}

}  // namespace

Result<void> ConsumerCore::check(const ConsumerOptions& options) {
    if (options.fetch_bytes_max == 0 || options.fetch_bytes_max > kFetchBytesMax) {
        return invalid("ConsumerOptions::fetch_bytes_max must be from 1 to " +
                       std::to_string(kFetchBytesMax) + ".");
    }
    if (options.partition_bytes_max == 0) {
        return invalid("ConsumerOptions::partition_bytes_max must be above zero.");
    }
    if (options.fetch_wait_max.count() < 0 || options.fetch_wait_max > std::chrono::hours(1)) {
        return invalid("ConsumerOptions::fetch_wait_max must be from 0 to one hour.");
    }
    if (options.prefetch_bytes == 0) {
        return invalid("ConsumerOptions::prefetch_bytes must be above zero.");
    }
    if (options.poll_records_max == 0) {
        return invalid("ConsumerOptions::poll_records_max must be above zero.");
    }
    if (options.decompressed_bytes_max == 0) {
        return invalid("ConsumerOptions::decompressed_bytes_max must be above zero.");
    }
    return {};
}

ConsumerCore::ConsumerCore(std::shared_ptr<ClientCore> client, const ConsumerOptions& options)
        : client_(std::move(client)),
          state_(std::make_shared<ConsumerState>(client_->loop(),
                                                 client_->link_options(),
                                                 client_->options().request_timeout,
                                                 options)),
          options_(options) {
    client_->loop()->post([state = state_] { state->open(); });
}

ConsumerCore::~ConsumerCore() {
    client_->loop()->post([state = state_] { state->shutdown(); });
}

Result<void> ConsumerCore::assign(const std::vector<Assignment>& assignments) {
    if (assignments.size() > kRequestRowsMax) {
        return invalid("A consumer reads at most " + std::to_string(kRequestRowsMax) +
                       " partitions.");
    }
    std::set<TopicPartition> seen;
    std::set<std::string> names;
    for (const auto& [partition, from] : assignments) {
        if (partition.topic.empty()) return invalid("A topic's name is empty.");
        if (!seen.insert(partition).second) {
            return invalid(partition.topic + "-" + std::to_string(partition.partition) +
                           " is assigned twice.");
        }
        names.insert(partition.topic);
    }
    const auto topics = client_->topics({names.begin(), names.end()});
    if (!topics) return topics.error();
    std::map<std::string, const TopicMetadata*> by_name;
    for (const auto& topic : *topics)
        by_name.emplace(topic.name, &topic);
    std::vector<std::shared_ptr<AssignedPartition>> partitions;
    std::vector<PlacedQuery> queries;
    std::vector<AssignedPartition*> queried;
    for (const auto& [name, from] : assignments) {
        const auto& topic = *by_name.at(name.topic);
        if (topic.error.code != ErrorCode::none) {
            return Error{topic.error.code, topic.error.message};
        }
        if (name.partition >= topic.partitions.size()) {
            return unknown_partition(name, topic.partitions.size());
        }
        partitions.push_back(std::make_shared<AssignedPartition>(name, topic.id));
        auto& partition = *partitions.back();
        if (from.kind() == Position::Kind::offset) {
            const auto offset = known_offset(from);
            if (!offset) return offset.error();
            partition.position = partition.fetch_offset = *offset;
            continue;
        }
        queries.push_back({name.topic, topic.id, name.partition, from});
        queried.push_back(&partition);
    }
    const auto found = find_positions(*client_, queries);
    if (!found) return found.error();
    for (std::size_t i = 0; i < queried.size(); ++i) {
        const auto& answer = (*found)[i];
        if (answer.error.code != ErrorCode::none) return answer.error;
        queried[i]->position = queried[i]->fetch_offset = answer.offset;
    }
    reader_.stop();
    state_->assign(std::move(partitions));
    return {};
}

Result<void> ConsumerCore::assign_topic(std::string_view topic, Position from) {
    if (topic.empty()) return invalid("The topic's name is empty.");
    const auto topics = client_->topics({std::string(topic)});
    if (!topics) return topics.error();
    const auto& found = topics->front();
    if (found.error.code != ErrorCode::none) return Error{found.error.code, found.error.message};
    std::vector<Assignment> assignments;
    assignments.reserve(found.partitions.size());
    for (const auto& partition : found.partitions) {
        assignments.push_back({{std::string(topic), partition.partition}, from});
    }
    return assign(assignments);
}

Result<void> ConsumerCore::seek(const TopicPartition& name, Position to) {
    const auto partition = state_->find(name);
    if (!partition)
        return Error{ErrorCode::not_assigned, std::string(sentence_of(ErrorCode::not_assigned))};
    auto offset = known_offset(to);
    if (to.kind() != Position::Kind::offset) {
        const auto found =
                find_positions(*client_, {{name.topic, partition->id, name.partition, to}});
        if (!found) return found.error();
        const auto& answer = found->front();
        if (answer.error.code != ErrorCode::none) return answer.error;
        offset = answer.offset;
    }
    if (!offset) return offset.error();
    if (reader_.partition() == partition) reader_.stop();
    state_->seek(*partition, *offset);
    return {};
}

Result<void> ConsumerCore::read_on(RecordsContent& content) {
    const auto partition = reader_.partition();
    auto outcome = reader_.read(content, options_.poll_records_max);
    state_->set_position(*partition, reader_.position());
    if (!outcome) {
        reader_.stop();
        state_->fail(*partition, outcome.error());
    }
    return outcome;
}

Records ConsumerCore::as_records(std::shared_ptr<RecordsContent> content) {
    Records records;
    records.first_ = content->records.data();
    records.count_ = content->records.size();
    records.content_ = std::move(content);
    return records;
}

Result<Records> ConsumerCore::poll(std::chrono::milliseconds timeout) {
    if (client_->loop()->on_thread()) {
        return invalid("poll() was called on the client's I/O thread.");
    }
    const auto deadline = EventLoop::now() + bounded(timeout);
    const auto content = std::make_shared<RecordsContent>();
    for (;;) {
        if (auto error = state_->error_to_report(false)) return *std::move(error);
        while (content->records.size() < options_.poll_records_max) {
            if (!reader_.partition()) {
                auto part = state_->try_take();
                if (!part) break;
                reader_.start(*std::move(part));
            }
            if (!read_on(*content)) break;
        }
        if (!content->records.empty()) return as_records(content);
        if (auto part = state_->take(deadline)) {
            reader_.start(*std::move(part));
            continue;
        }
        if (auto error = state_->error_to_report(true)) return *std::move(error);
        return Records();
    }
}

}  // namespace millrace::detail
