// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "admin/admin_core.h"

#include "admin/compactions.h"
#include "admin/deletions.h"
#include "admin/stored_batches.h"
#include "admin/verifications.h"
#include "codec/configs.h"
#include "codec/metadata.h"
#include "codec/offsets.h"
#include "codec/table.h"
#include "codec/topics.h"
#include "core/positions.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <span>

namespace millrace::detail {

namespace {

// Every file is looked at and moved: some ten thousand of them a second.
constexpr std::chrono::milliseconds kRestorePatience = std::chrono::minutes(10);

// Tables that a topic takes in a request.
std::size_t tables_of(const NewTopic& topic) {
    return 1 + topic.config.size();
}

std::size_t tables_of(const std::string&) {
    return 1;
}

const std::string& name_in(const NewTopic& topic) {
    return topic.name;
}

const std::string& name_in(const std::string& name) {
    return name;
}

// The items at the front of `rest` that one request can carry.
template <class Item>
std::span<const Item> take_some(std::span<const Item>& rest) {
    std::size_t count = 0;
    std::size_t tables = 1;
    while (count < rest.size() &&
           (count == 0 || tables + tables_of(rest[count]) <= kRequestTablesMax)) {
        tables += tables_of(rest[count]);
        ++count;
    }
    const auto some = rest.first(count);
    rest = rest.subspan(count);
    return some;
}

template <class Item, class Encode, class Decode>
Result<std::vector<TopicOutcome>> change_topics(ClientCore& client,
                                                const std::vector<Item>& items,
                                                Encode encode,
                                                Decode decode) {
    std::vector<TopicOutcome> all;
    std::span<const Item> rest(items);
    while (!rest.empty()) {
        const auto some = take_some(rest);
        std::vector<std::string> names;
        for (const auto& item : some)
            names.push_back(name_in(item));
        auto outcomes = client.ask(encode(some), Effect::change, [&](const Response& response) {
            return decode(response, names);
        });
        if (!outcomes) return outcomes.error();
        std::ranges::move(*outcomes, std::back_inserter(all));
    }
    return all;
}

TopicDescription description_of(TopicMetadata metadata) {
    return {std::move(metadata.name), metadata.id, std::move(metadata.partitions)};
}

Error error_in(const TopicMetadata& topic) {
    return {topic.error.code, topic.error.message};
}

}  // namespace

Result<std::vector<TopicOutcome>> AdminCore::create_topics(const std::vector<NewTopic>& topics,
                                                           bool validate_only) {
    const auto timeout = client_->options().request_timeout;
    return change_topics(
            *client_,
            topics,
            [&](std::span<const NewTopic> some) {
                return encode_create_topics(some, validate_only, timeout);
            },
            decode_create_topics);
}

Result<std::vector<TopicOutcome>> AdminCore::delete_topics(const std::vector<std::string>& names) {
    const auto timeout = client_->options().request_timeout;
    return change_topics(
            *client_,
            names,
            [&](std::span<const std::string> some) { return encode_delete_topics(some, timeout); },
            decode_delete_topics);
}

Result<std::vector<TopicOutcome>> AdminCore::grow_topics(const std::vector<NewTopic>& topics) {
    const auto timeout = client_->options().request_timeout;
    return change_topics(
            *client_,
            topics,
            [&](std::span<const NewTopic> some) { return encode_create_partitions(some, timeout); },
            decode_create_partitions);
}

Result<std::vector<TopicDescription>> AdminCore::list_topics() {
    auto topics = client_->ask(encode_metadata_of_all(), Effect::query, decode_metadata);
    if (!topics) return topics.error();
    std::vector<TopicDescription> descriptions;
    for (auto& topic : *topics) {
        // One that is being deleted is no topic any more.
        if (topic.error.code == ErrorCode::none) {
            descriptions.push_back(description_of(std::move(topic)));
        }
    }
    std::ranges::sort(descriptions, {}, &TopicDescription::name);
    return descriptions;
}

Result<TopicDescription> AdminCore::describe_topic(const std::string& name) {
    auto topics = client_->topics({name});
    if (!topics) return topics.error();
    auto& topic = topics->front();
    if (topic.error.code != ErrorCode::none) return error_in(topic);
    return description_of(std::move(topic));
}

Result<std::vector<PartitionOffsets>> AdminCore::topic_offsets(const std::string& name) {
    const auto topic = describe_topic(name);
    if (!topic) return topic.error();
    std::vector<OffsetRow> rows;
    for (const auto& partition : topic->partitions) {
        rows.push_back({topic->id, partition.partition, kTimestampEnd});
    }
    std::vector<PartitionOffsets> all;
    std::span<const OffsetRow> rest(rows);
    while (!rest.empty()) {
        const auto some = rest.first(std::min(rest.size(), kRequestRowsMax));
        rest = rest.subspan(some.size());
        const auto listed = client_->ask(
                encode_list_offsets(some), Effect::query, [&](const Response& response) {
                    return decode_list_offsets(response, some);
                });
        if (!listed) return listed.error();
        for (std::size_t i = 0; i < some.size(); ++i) {
            const auto& row = (*listed)[i];
            PartitionOffsets offsets;
            offsets.partition = some[i].partition;
            if (row.error.code != ErrorCode::none) {
                offsets.error = error_of(name, some[i].partition, row.error);
            } else {
                offsets.start_offset = row.log_start_offset;
                offsets.end_offset = row.high_watermark;
                offsets.size_bytes = row.size_bytes;
            }
            all.push_back(std::move(offsets));
        }
    }
    return all;
}

Result<std::vector<OffsetAnswer>> AdminCore::list_offsets(const std::vector<OffsetQuery>& queries) {
    std::set<std::string> names;
    for (const auto& query : queries)
        names.insert(query.partition.topic);
    auto topics = client_->topics({names.begin(), names.end()});
    if (!topics) return topics.error();
    std::map<std::string, TopicMetadata> by_name;
    for (auto& topic : *topics)
        by_name.emplace(topic.name, std::move(topic));
    std::vector<OffsetAnswer> answers(queries.size());
    std::vector<PlacedQuery> placed;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < queries.size(); ++i) {
        const auto& [name, partition] = queries[i].partition;
        const auto& topic = by_name.at(name);
        answers[i].partition = queries[i].partition;
        if (topic.error.code != ErrorCode::none) {
            answers[i].error = error_in(topic);
            continue;
        }
        placed.push_back({name, topic.id, partition, queries[i].position});
        places.push_back(i);
    }
    auto found = find_positions(*client_, placed);
    if (!found) return found.error();
    for (std::size_t i = 0; i < places.size(); ++i)
        answers[places[i]] = std::move((*found)[i]);
    return answers;
}

Result<std::vector<DeletionOutcome>> AdminCore::delete_records(
        const std::vector<RecordDeletion>& deletions) {
    return detail::delete_records(*client_, deletions);
}

Result<std::vector<DeletionOutcome>> AdminCore::expire_topic(const std::string& name) {
    const auto topic = describe_topic(name);
    if (!topic) return topic.error();
    std::vector<RecordDeletion> deletions;
    for (const auto& partition : topic->partitions)
        deletions.push_back({{name, partition.partition}, kExpiredRecords});
    return delete_records(deletions);
}

Result<std::vector<CompactionOutcome>> AdminCore::compact_topic(const std::string& name,
                                                                bool wait) {
    return detail::compact_topic(*client_, name, wait);
}

Result<PartitionVerification> AdminCore::verify_partition(const TopicPartition& partition) {
    return detail::verify_partition(*client_, partition);
}

Result<StoredBatches> AdminCore::read_batches(const TopicPartition& partition,
                                              std::int64_t offset,
                                              std::uint32_t bytes_max) {
    return detail::read_batches(*client_, partition, offset, bytes_max);
}

Result<std::vector<TopicOutcome>> AdminCore::restore_topic(const NewTopic& topic,
                                                           const std::string& staged) {
    const auto patience = std::max(client_->options().request_timeout, kRestorePatience);
    return client_->ask(
            encode_restore_topic(topic, staged, patience),
            Effect::change,
            [&topic](const Response& response) {
                return decode_restore_topic(response, std::span(&topic.name, 1));
            },
            {},
            patience);
}

Result<std::vector<ConfigEntry>> AdminCore::config(ConfigOf whose,
                                                   const std::string& topic,
                                                   const std::vector<std::string>& keys) {
    return client_->ask(
            encode_describe_configs(whose, topic, keys), Effect::query, decode_describe_configs);
}

Result<void> AdminCore::alter_config(const std::string& topic,
                                     const std::vector<ConfigChange>& changes,
                                     bool validate_only) {
    return client_->ask(encode_alter_configs(topic, changes, validate_only),
                        Effect::change,
                        decode_alter_configs);
}

Result<ClusterDescription> AdminCore::describe_cluster() {
    return client_->ask(encode_describe_cluster(), Effect::query, decode_describe_cluster);
}

}  // namespace millrace::detail
