// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// Everything the metadata log says: the topics that live, the ids of those that
// did, and how far ids of producers were given.
//
// Thread:      shard 0's.
#pragma once

#include "broker/cluster/catalog_view.h"
#include "broker/cluster/metadata_record.h"
#include "engine/result.h"

#include <cstdint>
#include <map>
#include <vector>

namespace millrace::broker {

// A topic that is gone, as long as a write-ahead log may hold records of it.
struct DeletedTopic {
    std::string name;
    std::uint32_t clean_starts = 0;  // Starts after a clean stop since the deletion.
};

class CatalogState {
public:
    explicit CatalogState(const engine::LogConfig& defaults) : defaults_(defaults) {}

    // Takes the next record of the log. A snapshot counts once it is whole; one that a crash cut
    // short is passed over. Errors: damaged_range (records that contradict each other).
    [[nodiscard]] engine::Result<void> replay(const MetadataRecord& record);

    // Takes a change that has been appended.
    void apply(const CatalogChange& change);
    // Data of this topic are dropped at a start, unless a later change makes it live.
    void note_deleted(const engine::TopicId& id, std::string_view name);
    void set_clean_starts(const engine::TopicId& id, std::uint32_t clean_starts);
    void forget_deleted(const engine::TopicId& id);
    void set_producer_ids_end(std::int64_t end);

    [[nodiscard]] const CatalogView& view() const noexcept { return view_; }

    [[nodiscard]] const std::map<engine::TopicId, DeletedTopic>& deleted() const noexcept {
        return deleted_;
    }

    // Ids of producers from here on were never reserved.
    [[nodiscard]] std::int64_t producer_ids_end() const noexcept { return producer_ids_end_; }

    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

    // All of it, as one change.
    [[nodiscard]] CatalogChangeRef everything() const;

    // All of it, as the records of a snapshot.
    [[nodiscard]] std::vector<MetadataRecord> snapshot(std::int64_t snapshot_offset) const;

    [[nodiscard]] const engine::LogConfig& defaults() const noexcept { return defaults_; }

private:
    void apply_record(const MetadataRecord& record);

    engine::LogConfig defaults_;
    CatalogView view_;
    std::map<engine::TopicId, DeletedTopic> deleted_;
    std::int64_t producer_ids_end_ = 0;
    std::uint64_t version_ = 0;
    std::vector<MetadataRecord> snapshot_;  // Of a snapshot whose end was not read yet.
    bool in_snapshot_ = false;
};

// The record that says what a topic is.
[[nodiscard]] MetadataRecord record_of(const Topic& topic);

}  // namespace millrace::broker
