// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "admin/deletions.h"

#include "codec/deletions.h"
#include "codec/metadata.h"
#include "codec/table.h"
#include "core/positions.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>

namespace millrace::detail {

namespace {

Result<std::map<std::string, TopicMetadata>> topics_of(
        ClientCore& client, const std::vector<RecordDeletion>& deletions) {
    std::set<std::string> names;
    for (const auto& deletion : deletions)
        names.insert(deletion.partition.topic);
    auto topics = client.topics({names.begin(), names.end()});
    if (!topics) return topics.error();
    std::map<std::string, TopicMetadata> by_name;
    for (auto& topic : *topics)
        by_name.emplace(topic.name, std::move(topic));
    return by_name;
}

void take_row(DeletionOutcome& outcome, const DeletedRow& row) {
    if (row.error.code != ErrorCode::none) {
        const auto& [topic, partition] = outcome.partition;
        outcome.error = error_of(topic, partition, row.error);
        return;
    }
    outcome.start_offset = row.log_start_offset;
    outcome.segments = row.segments;
    outcome.bytes = row.bytes;
}

}  // namespace

Result<std::vector<DeletionOutcome>> delete_records(ClientCore& client,
                                                    const std::vector<RecordDeletion>& deletions) {
    const auto topics = topics_of(client, deletions);
    if (!topics) return topics.error();
    std::vector<DeletionOutcome> outcomes(deletions.size());
    std::vector<DeletionRow> rows;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < deletions.size(); ++i) {
        const auto& partition = outcomes[i].partition = deletions[i].partition;
        const auto& topic = topics->at(partition.topic);
        if (topic.error.code != ErrorCode::none) {
            outcomes[i].error = {topic.error.code, topic.error.message};
            continue;
        }
        rows.push_back({topic.id, partition.partition, deletions[i].before});
        places.push_back(i);
    }
    for (std::size_t begin = 0; begin < rows.size(); begin += kRequestRowsMax) {
        const auto some = std::span<const DeletionRow>(rows).subspan(
                begin, std::min(rows.size() - begin, kRequestRowsMax));
        const auto deleted = client.ask(
                encode_delete_records(some), Effect::change, [&](const Response& response) {
                    return decode_delete_records(response, some);
                });
        if (!deleted) return deleted.error();
        for (std::size_t i = 0; i < some.size(); ++i)
            take_row(outcomes[places[begin + i]], (*deleted)[i]);
    }
    return outcomes;
}

}  // namespace millrace::detail
