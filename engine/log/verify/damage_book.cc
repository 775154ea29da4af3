// Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
#include "engine/log/verify/damage_book.h"

#include <algorithm>
#include <string>
#include <utility>

namespace millrace::engine {

void DamageBook::replace(const LogState& log,
                         Offset from,
                         Offset end,
                         const std::vector<DamagedRange>& damaged) noexcept {
    std::vector<DamagedRange> before;
    std::erase_if(known_, [&](auto& known) {
        const auto segment = known.range.segment;
        if (known.key != log.key || segment < from || segment >= end) return false;
        before.push_back(std::move(known.range));
        return true;
    });
    for (const auto& range : damaged) {
        if (std::ranges::find(before, range) == before.end()) report(log, range);
        if (known_.size() < kKnownMax) known_.push_back({log.key, range});
    }
    context_.counters.damaged_ranges = known_.size();
}

void DamageBook::report(const LogState& log, const DamagedRange& range) noexcept {
    ++context_.counters.damaged_ranges_found;
    context_.events.event(Level::error,
                          "log.damaged",
                          "stored records, or an index of them, are damaged: reads of them fail, "
                          "others go on; `millrace topic verify` lists what is damaged",
                          {{"folder", log.directory},
                           {"file", range.file},
                           {"first_offset", std::to_string(range.first.value)},
                           {"last_offset", std::to_string(range.last.value)},
                           {"position", std::to_string(range.position)},
                           {"reason", range.reason}});
}

void DamageBook::drop_gone(LogState& log) noexcept {
    std::erase_if(known_, [&log](const auto& known) {
        if (known.key != log.key) return false;
        const auto* segment = log.segments.find(known.range.segment);
        return known.range.last < log.log_start || segment == nullptr ||
               segment->base != known.range.segment;
    });
    context_.counters.damaged_ranges = known_.size();
}

void DamageBook::forget(const LogState& log) noexcept {
    std::erase_if(known_, [&log](const auto& known) { return known.key == log.key; });
    context_.counters.damaged_ranges = known_.size();
}

std::vector<PartitionKey> DamageBook::logs() const {
    std::vector<PartitionKey> keys;
    for (const auto& known : known_)
        keys.push_back(known.key);
    std::ranges::sort(keys);
    const auto [first, last] = std::ranges::unique(keys);
    keys.erase(first, last);
    return keys;
}

}  // namespace millrace::engine
