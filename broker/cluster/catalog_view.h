// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// One shard's copy of the topic catalogue.
//
// Thread:      its shard's. No locks: changes arrive as messages, in order.
#pragma once

#include "broker/cluster/topic.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

namespace millrace::broker {

class CatalogView {
public:
    // Requires: versions ascend.
    void apply(const CatalogChange& change);

    // Null when there is none. Valid until the next apply.
    [[nodiscard]] const Topic* find(const engine::TopicId& id) const noexcept {
        const auto found = by_id_.find(id);
        return found == by_id_.end() ? nullptr : found->second.get();
    }

    [[nodiscard]] const Topic* find(std::string_view name) const noexcept {
        const auto found = by_name_.find(name);
        return found == by_name_.end() ? nullptr : found->second.get();
    }

    // In order of their names.
    [[nodiscard]] const std::map<std::string, TopicRef, std::less<>>& topics() const noexcept {
        return by_name_;
    }

    [[nodiscard]] std::uint64_t partition_count() const noexcept { return partition_count_; }

    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

private:
    void set(const TopicRef& topic);
    void remove(const engine::TopicId& id);

    std::unordered_map<engine::TopicId, TopicRef> by_id_;
    std::map<std::string, TopicRef, std::less<>> by_name_;
    std::uint64_t partition_count_ = 0;
    std::uint64_t version_ = 0;
};

}  // namespace millrace::broker
