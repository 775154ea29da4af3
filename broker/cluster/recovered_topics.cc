// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/recovered_topics.h"

#include "broker/cluster/random_id.h"
#include "broker/cluster/topic_name.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::broker {
namespace {

// Clean stops after which no checkpoint slot's replay reaches back to a deleted topic: each stop
// writes the older of the two slots anew.
constexpr std::uint32_t kCleanStartsToForget = 2;

// Counts clean starts for ids that no log was found to hold, and forgets those that none can.
// Not waited for: what is lost here is counted again at the next start.
void write_deleted_ids(CatalogState& state,
                       MetadataLog& log,
                       const std::vector<engine::TopicId>& seen,
                       bool clean) {
    std::vector<MetadataRecord> records;
    for (const auto& [id, topic] : state.deleted()) {
        const bool held = std::find(seen.begin(), seen.end(), id) != seen.end();
        const auto count = held ? 0 : topic.clean_starts + (clean ? 1U : 0U);
        if (count == topic.clean_starts) continue;
        MetadataRecord record;
        record.kind =
                count >= kCleanStartsToForget ? MetadataKind::forgotten : MetadataKind::deleted;
        record.version = state.version();
        record.id = id;
        record.name = topic.name;
        record.clean_starts = count;
        records.push_back(std::move(record));
    }
    if (records.size() > kMetadataBatchRecords) records.resize(kMetadataBatchRecords);
    if (records.empty() || !log.append(records, [](engine::Result<void>) {})) return;
    for (const auto& record : records) {
        if (record.kind == MetadataKind::forgotten) {
            state.forget_deleted(record.id);
        } else {
            state.set_clean_starts(record.id, record.clean_starts);
        }
    }
}

}  // namespace

engine::Result<std::vector<engine::PartitionKey>> decide_recovered(CatalogState& state,
                                                                   MetadataLog& log,
                                                                   engine::Engine& engine,
                                                                   engine::EventLog& events,
                                                                   bool accept_wal_loss) {
    std::vector<engine::PartitionKey> living;
    std::vector<engine::TopicId> seen_deleted;
    std::vector<engine::PartitionKey> to_drop;
    bool unknown = false;
    for (const auto& key : engine.recovered_partitions()) {
        if (key.topic == engine::kMetadataTopic) continue;
        const auto* topic = state.view().find(key.topic);
        if (topic != nullptr && key.partition < topic->partitions) {
            living.push_back(key);
        } else if (state.deleted().contains(key.topic)) {
            to_drop.push_back(key);
            seen_deleted.push_back(key.topic);
        } else {
            unknown = true;
            events.event(accept_wal_loss ? engine::Level::warning : engine::Level::error,
                         "metadata.unknown_topic",
                         "The data directory holds records of a topic that the metadata log "
                         "does not know.",
                         {{"topic_id", to_text(key.topic)},
                          {"partition", fmt::format("{}", key.partition)}});
        }
    }
    if (unknown && !accept_wal_loss) {
        return engine::failure(engine::Errc::unknown_topic_id);
    }
    for (const auto& key : to_drop) {
        const auto& name = state.deleted().at(key.topic).name;
        // A partition that lives under the name now made its own folder: the old one went before.
        const auto* owner = state.view().find(name);
        const bool is_taken = owner != nullptr && key.partition < owner->partitions;
        engine.drop_recovered(key,
                              is_taken ? std::string() : partition_directory(name, key.partition));
    }
    TRY_VOID(engine.recovered_partitions_decided());
    write_deleted_ids(state, log, seen_deleted, engine.recovery().clean);
    return living;
}

}  // namespace millrace::broker
