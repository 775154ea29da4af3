// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "broker/cluster/catalog_view.h"

#include "engine/assert.h"

namespace millrace::broker {

void CatalogView::apply(const CatalogChange& change) {
    ASSERT(change.version >= version_);
    for (const auto& id : change.deleted)
        remove(id);
    for (const auto& topic : change.changed)
        set(topic);
    version_ = change.version;
}

void CatalogView::set(const TopicRef& topic) {
    remove(topic->id);
    partition_count_ += topic->partitions;
    by_id_[topic->id] = topic;
    by_name_[topic->name] = topic;
}

void CatalogView::remove(const engine::TopicId& id) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return;
    partition_count_ -= found->second->partitions;
    by_name_.erase(found->second->name);
    by_id_.erase(found);
}

}  // namespace millrace::broker
