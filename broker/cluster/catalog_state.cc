// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/catalog_state.h"

#include <algorithm>

namespace millrace::broker {

MetadataRecord record_of(const Topic& topic) {
    MetadataRecord record;
    record.kind = MetadataKind::topic;
    record.version = topic.version;
    record.id = topic.id;
    record.partitions = topic.partitions;
    record.name = topic.name;
    record.overrides = topic.overrides;
    return record;
}

engine::Result<void> CatalogState::replay(const MetadataRecord& record) {
    if (record.version < version_) return engine::failure(engine::Errc::damaged_range);
    if (record.kind == MetadataKind::snapshot_begin) {
        in_snapshot_ = true;
        snapshot_.clear();
        return {};
    }
    if (record.kind == MetadataKind::snapshot_end) {
        if (!in_snapshot_) return engine::failure(engine::Errc::damaged_range);
        in_snapshot_ = false;
        view_ = {};
        deleted_.clear();
        for (const auto& entry : snapshot_)
            apply_record(entry);
        snapshot_.clear();
        version_ = record.version;
        return {};
    }
    if (record.in_snapshot) {
        if (!in_snapshot_) return engine::failure(engine::Errc::damaged_range);
        snapshot_.push_back(record);
        return {};
    }
    in_snapshot_ = false;  // A crash cut the snapshot short.
    snapshot_.clear();
    apply_record(record);
    version_ = record.version;
    return {};
}

void CatalogState::apply_record(const MetadataRecord& record) {
    CatalogChange change;
    change.version = std::max(record.version, view_.version());
    if (record.kind == MetadataKind::topic) {
        auto topic = std::make_shared<Topic>();
        topic->name = record.name;
        topic->id = record.id;
        topic->partitions = record.partitions;
        topic->overrides = record.overrides;
        topic->log_config = effective_log_config(record.overrides, defaults_);
        topic->version = record.version;
        topic->leader_epochs = std::make_shared<LeaderEpochs>(record.partitions);
        change.changed.push_back(std::move(topic));
        view_.apply(change);
        deleted_.erase(record.id);
    } else if (record.kind == MetadataKind::deleted) {
        change.deleted.push_back(record.id);
        view_.apply(change);
        deleted_[record.id] = {record.name, record.clean_starts};
    } else if (record.kind == MetadataKind::forgotten) {
        deleted_.erase(record.id);
    } else if (record.kind == MetadataKind::producer_ids) {
        set_producer_ids_end(record.producer_ids_end);
    }
}

void CatalogState::apply(const CatalogChange& change) {
    for (const auto& id : change.deleted) {
        const auto* topic = view_.find(id);
        if (topic != nullptr) note_deleted(id, topic->name);
    }
    for (const auto& topic : change.changed)
        deleted_.erase(topic->id);
    view_.apply(change);
    version_ = change.version;
}

void CatalogState::note_deleted(const engine::TopicId& id, std::string_view name) {
    deleted_[id] = {std::string(name), 0};
}

void CatalogState::set_clean_starts(const engine::TopicId& id, std::uint32_t clean_starts) {
    deleted_[id].clean_starts = clean_starts;
}

void CatalogState::forget_deleted(const engine::TopicId& id) {
    deleted_.erase(id);
}

// Never falls, whatever the log says: no id is given twice.
void CatalogState::set_producer_ids_end(std::int64_t end) {
    producer_ids_end_ = std::max(producer_ids_end_, end);
}

CatalogChangeRef CatalogState::everything() const {
    auto change = std::make_shared<CatalogChange>();
    change->version = version_;
    change->changed.reserve(view_.topics().size());
    for (const auto& [name, topic] : view_.topics())
        change->changed.push_back(topic);
    return change;
}

std::vector<MetadataRecord> CatalogState::snapshot(std::int64_t snapshot_offset) const {
    std::vector<MetadataRecord> records;
    const auto add = [&](MetadataRecord record) {
        record.in_snapshot = true;
        record.snapshot_offset = snapshot_offset;
        records.push_back(std::move(record));
    };
    const auto mark = [&](MetadataKind kind) {
        MetadataRecord record;
        record.kind = kind;
        record.version = version_;
        return record;
    };
    add(mark(MetadataKind::snapshot_begin));
    for (const auto& [name, topic] : view_.topics()) {
        auto record = record_of(*topic);
        record.version = version_;  // Ascends within the log; the topic's own is not needed again.
        add(std::move(record));
    }
    for (const auto& [id, topic] : deleted_) {
        auto record = mark(MetadataKind::deleted);
        record.id = id;
        record.name = topic.name;
        record.clean_starts = topic.clean_starts;
        add(std::move(record));
    }
    if (producer_ids_end_ > 0) {
        auto record = mark(MetadataKind::producer_ids);
        record.producer_ids_end = producer_ids_end_;
        add(std::move(record));
    }
    add(mark(MetadataKind::snapshot_end));
    return records;
}

}  // namespace millrace::broker
