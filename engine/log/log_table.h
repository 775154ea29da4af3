// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
//
// The open logs of one shard by key, and those that were removed but still have jobs.
#pragma once

#include "engine/log/log_impl.h"

#include <memory>
#include <unordered_map>
#include <vector>

namespace millrace::engine {

// Thread: the shard's.
class LogTable {
public:
    LogImpl& add(std::unique_ptr<LogImpl> log) {
        const auto key = log->state().key;
        auto& place = logs_[key];
        ASSERT(place == nullptr);
        place = std::move(log);
        return *place;
    }

    [[nodiscard]] LogImpl* find(const PartitionKey& key) noexcept {
        const auto found = logs_.find(key);
        return found == logs_.end() ? nullptr : found->second.get();
    }

    // Out of the table; it lives on until sweep() finds that no job refers to it.
    LogImpl& retire(const PartitionKey& key) {
        auto found = logs_.find(key);
        ASSERT(found != logs_.end());
        auto& log = *retired_.emplace_back(std::move(found->second));
        logs_.erase(found);
        return log;
    }

    // Destroys retired logs that nothing refers to, each after `last_rites`. Not from inside a
    // call or completion of such a log.
    template <class LastRites>
    void sweep(LastRites last_rites) noexcept {
        std::erase_if(retired_, [&](const auto& log) {
            if (log->state().jobs > 0) return false;
            last_rites(log->state());
            return true;
        });
    }

    // In no order. `visit` neither adds nor retires.
    template <class Visit>
    void for_each(Visit visit) {
        for (auto& [key, log] : logs_)
            visit(*log);
    }

    // `visit` may add and retire.
    template <class Visit>
    void for_each_of_copy(Visit visit) {
        std::vector<PartitionKey> keys;
        keys.reserve(logs_.size());
        for (auto& [key, log] : logs_)
            keys.push_back(key);
        for (const auto& key : keys) {
            if (auto* log = find(key); log != nullptr) visit(*log);
        }
    }

private:
    std::unordered_map<PartitionKey, std::unique_ptr<LogImpl>> logs_;
    std::vector<std::unique_ptr<LogImpl>> retired_;
};

}  // namespace millrace::engine
